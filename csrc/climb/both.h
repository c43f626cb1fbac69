// Functions of the CPU and of the device. As in common/simt.cuh, which needs a device or its emulation.
#pragma once

#ifndef CTK_BOTH
#ifdef __CUDACC__
#define CTK_BOTH __host__ __device__ __forceinline__
#else
#define CTK_BOTH inline
#endif
#endif
