export { ReceivedUpload } from './received-upload.js';
export { Upload, UploadInterceptor } from './upload.interceptor.js';
export { type KeptFile, UPLOAD_LIMIT, type UploadLimits, UploadReceiver } from './upload-receiver.js';
