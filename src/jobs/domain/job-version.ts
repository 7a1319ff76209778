/**
 * What jobs of this release ask of a worker. In a rolling deploy older workers run beside newer ones: they claim no job of a
 * newer version. Raise it with each option, format or member of a checkpoint that an older worker would ignore or refuse.
 */
export const JOB_VERSION = 3;
