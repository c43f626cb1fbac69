// CTK_BOTH: functions of the CPU and of the device. simt.cuh has it too, but needs a device or its emulation.
#pragma once

#ifndef CTK_BOTH
#ifdef __CUDACC__
#define CTK_BOTH __host__ __device__ __forceinline__
#else
#define CTK_BOTH inline
#endif
#endif
