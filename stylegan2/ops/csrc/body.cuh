// What both kernels share: element types, wide loads and stores, and the two places where a body can run.
//
// A kernel is a functor ("body") whose operator()(i) does work item i. nvcc makes a thread of each item; compiled as
// plain C++ (`nvcc -x c++`), the same functions loop over the same items, so that tests run the very bodies without a
// GPU.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif
#define BOTH __host__ __device__ __forceinline__

constexpr int THREADS = 256;
constexpr int64_t MOST_BLOCKS = 0x7fffffff;  // of a grid along x; beyond it a thread does several items
constexpr int WIDEST = 16;                   // bytes that one instruction moves

enum Dtype : int32_t { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 };  // as in stylegan2/ops/native.py

// ---- arithmetic is in float, of doubles in double ---------------------------------------------------------------

template <class T> struct Arithmetic { using type = float; };
template <> struct Arithmetic<double> { using type = double; };
template <class T> using Real = typename Arithmetic<T>::type;

// ---- N elements in one instruction ------------------------------------------------------------------------------

template <int Bytes> struct Word;
template <> struct Word<16> { using type = uint4; };
template <> struct Word<8> { using type = uint2; };
template <> struct Word<4> { using type = unsigned int; };
template <> struct Word<2> { using type = unsigned short; };

// `from` must be a multiple of the N elements' size. The input is never written meanwhile: __ldg.
template <class T, int N> BOTH void load(const T* from, Real<T> (&to)[N]) {
    typename Word<N * sizeof(T)>::type word;
#ifdef __CUDA_ARCH__
    word = __ldg(reinterpret_cast<const decltype(word)*>(from));
#else
    memcpy(&word, from, sizeof word);
#endif
    T items[N];
    memcpy(items, &word, sizeof word);
#pragma unroll
    for (int k = 0; k < N; ++k) to[k] = static_cast<Real<T>>(items[k]);
}

template <class T, int N> BOTH void store(T* to, const Real<T> (&from)[N]) {
    T items[N];
#pragma unroll
    for (int k = 0; k < N; ++k) items[k] = static_cast<T>(from[k]);
    typename Word<N * sizeof(T)>::type word;
    memcpy(&word, items, sizeof word);
#ifdef __CUDA_ARCH__
    *reinterpret_cast<decltype(word)*>(to) = word;
#else
    memcpy(to, &word, sizeof word);
#endif
}

template <class T> BOTH Real<T> load_one(const T* from) {
    Real<T> value[1];
    load(from, value);
    return value[0];
}

inline bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % WIDEST == 0; }

// ---- where a body runs ------------------------------------------------------------------------------------------

struct Place {
    int device;
    void* stream;
};

#ifdef __CUDACC__

template <class Body> __global__ void __launch_bounds__(THREADS, 2) run(const Body body, int64_t items) {
    const int64_t stride = int64_t(gridDim.x) * THREADS;
    for (int64_t i = int64_t(blockIdx.x) * THREADS + threadIdx.x; i < items; i += stride) body(i);
}

// This library has a CUDA runtime of its own, whose current device is not PyTorch's.
template <class Body> int launch(const Body& body, int64_t items, const Place& place) {
    const cudaError_t chosen = cudaSetDevice(place.device);
    if (chosen != cudaSuccess || items == 0) return chosen;
    const int64_t needed = (items + THREADS - 1) / THREADS;
    const unsigned blocks = unsigned(needed < MOST_BLOCKS ? needed : MOST_BLOCKS);
    run<<<blocks, THREADS, 0, static_cast<cudaStream_t>(place.stream)>>>(body, items);
    return cudaGetLastError();
}

#else

template <class Body> int launch(const Body& body, int64_t items, const Place&) {
    for (int64_t i = 0; i < items; ++i) body(i);
    return cudaSuccess;
}

#endif
