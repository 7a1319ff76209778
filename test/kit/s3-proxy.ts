export { type BodyVerdict, HttpProxy as S3Proxy, type RequestVerdict } from './http-proxy.js';
