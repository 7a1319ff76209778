import { readFile } from 'node:fs/promises';
import type { AuthClient } from 'google-auth-library';
import { ServiceError } from '../../errors/index.js';

/** To read objects and to delete them. */
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';

/** The kinds of credentials files (`type`) that Google's tools write. */
interface Credentials {
  type?: unknown;
  client_email?: string;
  private_key?: string;
  private_key_id?: string;
  client_id?: string;
  client_secret?: string;
  refresh_token?: string;
  credential_source?: { environment_id?: unknown; executable?: unknown };
}

/**
 * Who the credentials file says that the service is: a service account, a user (`gcloud auth application-default login`), or a
 * workload of another cloud. The SDK's own option for a file is deprecated. Throws SOURCE_FORBIDDEN, without a part of the file.
 */
export async function clientOf(path: string, href: string): Promise<AuthClient> {
  const sdk = await import('google-auth-library');
  const refused = (why: string): ServiceError =>
    new ServiceError('SOURCE_FORBIDDEN', `There are no valid credentials for ${href}: credentials_file ${path} ${why}`);
  const text = await readFile(path, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw refused(`cannot be read (${code})`);
  });
  const found = parse(text);
  switch (found?.type) {
    case 'service_account': {
      const { client_email: email, private_key: key, private_key_id: keyId } = found;
      if (!email || !key) throw refused('has no client_email or no private_key');
      return new sdk.JWT({ email, key, scopes: [SCOPE], ...(keyId === undefined ? {} : { keyId }) });
    }
    case 'authorized_user': {
      const { client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken } = found;
      if (!clientId || !clientSecret || !refreshToken)
        throw refused('has no client_id, client_secret or refresh_token');
      return new sdk.UserRefreshClient({ clientId, clientSecret, refreshToken });
    }
    case 'external_account': {
      // As ExternalAccountClient.fromJSON, which writes a warning to the console.
      const { environment_id: environment, executable } = found.credential_source ?? {};
      const Client = environment ? sdk.AwsClient : executable ? sdk.PluggableAuthClient : sdk.IdentityPoolClient;
      try {
        const client = new Client(found as never);
        client.scopes = [SCOPE];
        return client;
      } catch {
        // The error may have a part of the file.
        throw refused('does not say where the token of the workload is');
      }
    }
    default:
      throw refused('is of none of these types: service_account, authorized_user, external_account');
  }
}

function parse(text: string): Credentials | null {
  try {
    return JSON.parse(text) as Credentials | null;
  } catch {
    // The message of the error has a part of the text.
    return null;
  }
}
