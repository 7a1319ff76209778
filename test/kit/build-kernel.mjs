// Unit tests run the sources, and the kernel has to be compiled for that.
export { buildKernel as default } from '../../scripts/build-kernel.mjs';
