// clamp(gain * act(x + b)), and its derivative by x; defined by stylegan2/ops/reference.py.
//
// One read (two for the derivative: dy and what was saved) and one write per element. Tensors are dense in whatever
// order of axes: an element's place along the bias's axis is (offset / step) % count.

#include <cmath>

#include "body.cuh"

struct BiasActArguments {  // as in stylegan2/ops/native.py
    const void* x;  // the input; for the derivative what was saved: the output of linear, relu, lrelu, else the input
    const void* dy;  // null: forward
    const void* b;  // null: no bias
    void* y;
    int64_t elements;
    int64_t step, count;  // of the bias's axis: its stride and its size
    double alpha, gain, clamp;  // clamp < 0: none
    int32_t act;
    int32_t dtype;
};

namespace {

using std::exp, std::expm1, std::log1p, std::tanh;  // of float and of double

// ---- the nine activations: value and slope at u = x + b -----------------------------------------------------------
// Comparisons are written so that NaN passes through.

template <class R> BOTH R sigmoid(R u) { return R(1) / (R(1) + exp(-u)); }

// Piecewise linear through zero: the slope can be told from the output's sign, so the output is what is saved.
struct Linear {
    static constexpr bool from_output = true;
    template <class R> static BOTH R value(R u, R) { return u; }
    template <class R> static BOTH R slope(R, R) { return R(1); }
};
struct Relu {
    static constexpr bool from_output = true;
    template <class R> static BOTH R value(R u, R) { return u <= R(0) ? R(0) : u; }
    template <class R> static BOTH R slope(R u, R) { return u > R(0) ? R(1) : R(0); }
};
struct LeakyRelu {
    static constexpr bool from_output = true;
    template <class R> static BOTH R value(R u, R alpha) { return u > R(0) ? u : u * alpha; }
    template <class R> static BOTH R slope(R u, R alpha) { return u > R(0) ? R(1) : alpha; }
};
struct Tanh {
    static constexpr bool from_output = false;
    template <class R> static BOTH R value(R u, R) { return tanh(u); }
    template <class R> static BOTH R slope(R u, R) { const R t = tanh(u); return R(1) - t * t; }
};
struct Sigmoid {
    static constexpr bool from_output = false;
    template <class R> static BOTH R value(R u, R) { return sigmoid(u); }
    template <class R> static BOTH R slope(R u, R) { const R s = sigmoid(u); return s * (R(1) - s); }
};
struct Elu {
    static constexpr bool from_output = false;
    template <class R> static BOTH R value(R u, R) { return u > R(0) ? u : expm1(u); }
    template <class R> static BOTH R slope(R u, R) { return u > R(0) ? R(1) : exp(u); }
};
struct Selu {  // the two constants: Klambauer et al. 2017
    static constexpr bool from_output = false;
    static constexpr double scale = 1.0507009873554805, steepness = 1.6732632423543772;
    template <class R> static BOTH R value(R u, R) { return R(scale) * (u > R(0) ? u : R(steepness) * expm1(u)); }
    template <class R> static BOTH R slope(R u, R) { return R(scale) * (u > R(0) ? R(1) : R(steepness) * exp(u)); }
};
struct Softplus {
    static constexpr bool from_output = false;
    template <class R> static BOTH R value(R u, R) { return (u > R(0) ? u : R(0)) + log1p(exp(-(u > R(0) ? u : -u))); }
    template <class R> static BOTH R slope(R u, R) { return sigmoid(u); }
};
struct Swish {
    static constexpr bool from_output = false;
    template <class R> static BOTH R value(R u, R) { return u * sigmoid(u); }
    template <class R> static BOTH R slope(R u, R) { const R s = sigmoid(u); return s + u * s * (R(1) - s); }
};

// ---- the body -----------------------------------------------------------------------------------------------------

// How the biases of one vector lie: none; one for the whole vector; a vector of them; in any other way.
enum BiasKind : int32_t { NO_BIAS, ONE, VECTOR, OTHER };

// A tile is what THREADS items do together: AHEAD vectors each, a block's width apart, so that their loads are under
// way at the same time. Where a vector cannot be used (pointers, the last tile) the same tile is done by elements.
template <class T, class Act, bool derivative> struct BiasAct {
    using R = Real<T>;
    static constexpr int N = WIDEST / sizeof(T), AHEAD = 2, TILE = THREADS * AHEAD * N;
    const T *x, *dy, *b;
    T* y;
    int64_t elements, step, count;
    R alpha, gain, clamp;
    BiasKind kind;
    bool wide;

    BOTH void operator()(int64_t i) const {
        const int64_t tile = i / THREADS * TILE;
        const int thread = int(i % THREADS);
        if (wide && tile + TILE <= elements) {
            by_vectors(tile + thread * N);
        } else {
#pragma unroll 1
            for (int64_t at = tile + thread; at < tile + TILE && at < elements; at += THREADS) by_element(at);
        }
    }

    BOTH void by_vectors(int64_t first) const {
        R saved[AHEAD][N], gradient[AHEAD][N], bias[N];
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) {
            load(x + first + j * THREADS * N, saved[j]);
            if (derivative) load(dy + first + j * THREADS * N, gradient[j]);
        }
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) {
            const int64_t at = first + j * THREADS * N;
            load_bias(at, bias);
#pragma unroll
            for (int k = 0; k < N; ++k) saved[j][k] = result(saved[j][k], bias[k], gradient[j][k]);
            store(y + at, saved[j]);
        }
    }

    BOTH void load_bias(int64_t at, R (&bias)[N]) const {
        if (kind == VECTOR) {
            load(b + at % count, bias);  // step is 1
        } else {
            const R one = kind == ONE ? load_one(b + at / step % count) : R(0);
#pragma unroll
            for (int k = 0; k < N; ++k) bias[k] = one;
        }
    }

    BOTH void by_element(int64_t at) const {
        const R bias = kind == NO_BIAS ? R(0) : load_one(b + at / step % count);
        y[at] = static_cast<T>(result(load_one(x + at), bias, derivative ? load_one(dy + at) : R(0)));
    }

    BOTH R result(R saved, R bias, R gradient) const {
        const R u = derivative && Act::from_output ? saved : saved + bias;
        return derivative ? gradient * slope(u) : bounded(u);
    }

    BOTH R bounded(R u) const {
        const R v = gain * Act::value(u, alpha);
        return clamp < R(0) ? v : v > clamp ? clamp : v < -clamp ? -clamp : v;
    }

    BOTH R slope(R u) const {
        const R v = Act::from_output || clamp < R(0) ? u : gain * Act::value(u, alpha);
        const bool held = clamp >= R(0) && !(v < clamp && v > -clamp);  // nothing passes where the clamp holds
        return held ? R(0) : gain * Act::slope(u, alpha);
    }
};

// ---- from the arguments to the one body that fits -----------------------------------------------------------------

BiasKind kind_of(const BiasActArguments& a, int n) {
    if (a.b == nullptr) return NO_BIAS;
    if (a.step % n == 0) return ONE;
    return a.step == 1 && a.count % n == 0 && is_aligned(a.b) ? VECTOR : OTHER;
}

template <class T, class Act, bool derivative>
int start(const BiasActArguments& a, const Place& place) {
    using Body = BiasAct<T, Act, derivative>;
    using R = Real<T>;
    const BiasKind kind = kind_of(a, Body::N);
    const bool wide = kind != OTHER && is_aligned(a.x) && is_aligned(a.dy) && is_aligned(a.y);
    const R clamp = static_cast<R>(static_cast<T>(a.clamp));  // as the output holds it, so that it is known again there
    const Body body{
        static_cast<const T*>(a.x), static_cast<const T*>(a.dy), static_cast<const T*>(a.b), static_cast<T*>(a.y),
        a.elements, a.step, a.count, R(a.alpha), R(a.gain), clamp, kind, wide};
    return launch(body, (a.elements + Body::TILE - 1) / Body::TILE * THREADS, place);
}

template <class T, class Act> int choose_direction(const BiasActArguments& a, const Place& place) {
    return a.dy == nullptr ? start<T, Act, false>(a, place) : start<T, Act, true>(a, place);
}

template <class T> int choose_act(const BiasActArguments& a, const Place& place) {
    switch (a.act) {  // in the order of ACTIVATIONS in stylegan2/ops/reference.py
        case 0: return choose_direction<T, Linear>(a, place);
        case 1: return choose_direction<T, Relu>(a, place);
        case 2: return choose_direction<T, LeakyRelu>(a, place);
        case 3: return choose_direction<T, Tanh>(a, place);
        case 4: return choose_direction<T, Sigmoid>(a, place);
        case 5: return choose_direction<T, Elu>(a, place);
        case 6: return choose_direction<T, Selu>(a, place);
        case 7: return choose_direction<T, Softplus>(a, place);
        case 8: return choose_direction<T, Swish>(a, place);
        default: return cudaErrorInvalidValue;
    }
}

int choose_dtype(const BiasActArguments& a, const Place& place) {
    switch (a.dtype) {
        case FLOAT32: return choose_act<float>(a, place);
        case FLOAT64: return choose_act<double>(a, place);
        case FLOAT16: return choose_act<__half>(a, place);
        case BFLOAT16: return choose_act<__nv_bfloat16>(a, place);
        default: return cudaErrorInvalidValue;
    }
}

}  // namespace

EXPORT int blendgan_bias_act(const BiasActArguments* arguments, int device, void* stream) {
    return choose_dtype(*arguments, Place{device, stream});
}

EXPORT const char* blendgan_error(int code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }
