export { detectFormat, type FileFormat, isParquet } from './detect-format.js';
export { refuseBinary } from './inspect-head.js';
export { ReceivedUpload } from './received-upload.js';
export { sniffDelimiter } from './sniff-delimiter.js';
export { Spool } from './spool.js';
export { readTextHead, refuseNul } from './text-head.js';
export { Upload, UploadInterceptor } from './upload.interceptor.js';
export { type KeptFile, UPLOAD_LIMIT, type UploadLimits, UploadReceiver } from './upload-receiver.js';
