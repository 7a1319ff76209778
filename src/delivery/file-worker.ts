import { parentPort, workerData } from 'node:worker_threads';
import { type SourceSettings, Sources } from '../sources/index.js';
import { type FileRequest, FileRequests } from './file-requests.js';

// The thread of FileThread.

const requests = new FileRequests(new Sources(workerData as SourceSettings));
parentPort?.on('message', async (request: FileRequest) => parentPort?.postMessage(await requests.answer(request)));
