/** The Link header (RFC 8288) to the page that starts at `cursor`, keeping the other query parameters of `url`. */
export function nextPageLink(url: string, cursor: string): string {
  const [path = '/', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}
