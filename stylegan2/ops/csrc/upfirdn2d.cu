// Insert zeros, pad or crop, convolve with f, keep every down-th pixel; defined by stylegan2/ops/reference.py.
//
// The zeros are never made: output row y meets tap ky where y * down + ky - pad is a multiple of up. One pass over both
// axes, also for separable filters: two passes would write and read the picture between them, while 4 x 4 taps cost less
// than the memory takes. Three bodies:
//   AnyResampling   any filter, factors, padding and strides; one output pixel (of 16 bytes of channels, if it can)
//   ChannelStrip    4 x 4 taps, channels-last: 16 bytes of channels of a strip of output rows
//   RowStrip        4 x 4 taps, contiguous: 16 bytes of neighbours of a strip of output rows
// A strip shares what it loads among its rows; the columns around it come from the first-level cache.

#include "body.cuh"

struct Upfirdn2dArguments {  // as in stylegan2/ops/native.py
    const void* x;
    const void* f;  // [taps_y, taps_x], float; double where x is
    void* y;
    int64_t x_strides[4], y_strides[4];  // of n, c, h, w, in elements
    int32_t n, c, in_h, in_w, out_h, out_w;
    int32_t up_x, up_y, down_x, down_y, pad_x, pad_y;
    int32_t taps_x, taps_y, flip;  // flip = 0: a true convolution
    int32_t dtype;
    double gain;
};

namespace {

enum Axis { AXIS_N, AXIS_C, AXIS_H, AXIS_W };

BOTH int ceil_divide(int a, int b) { return a > 0 ? (a + b - 1) / b : a / b; }  // b > 0

// Splits a flat index: the remainder goes, the quotient stays.
BOTH int take(int64_t& index, int size) {
    const int rest = int(index % size);
    index /= size;
    return rest;
}

template <class T> BOTH Real<T> tap(const Upfirdn2dArguments& a, int ky, int kx) {
    const int row = a.flip ? ky : a.taps_y - 1 - ky, column = a.flip ? kx : a.taps_x - 1 - kx;
    return load_one(static_cast<const Real<T>*>(a.f) + row * a.taps_x + column) * Real<T>(a.gain);
}

template <class T> BOTH const T* input(const Upfirdn2dArguments& a, int64_t n, int c) {
    return static_cast<const T*>(a.x) + n * a.x_strides[AXIS_N] + c * a.x_strides[AXIS_C];
}

template <class T> BOTH T* output(const Upfirdn2dArguments& a, int64_t n, int c, int y, int x) {
    return static_cast<T*>(a.y) + n * a.y_strides[AXIS_N] + c * a.y_strides[AXIS_C] + y * a.y_strides[AXIS_H] +
           x * a.y_strides[AXIS_W];
}

// ---- any filter, any layout -----------------------------------------------------------------------------------------

template <class T, int N> struct AnyResampling {  // N channels at once: their stride is 1 where N > 1
    using R = Real<T>;
    Upfirdn2dArguments a;
    bool channels_first;  // whether neighbouring items are neighbouring channels, or neighbouring columns

    int64_t items() const { return int64_t(a.n) * (a.c / N) * a.out_h * a.out_w; }

    BOTH void operator()(int64_t i) const {
        int c = channels_first ? take(i, a.c / N) * N : 0;
        const int x = take(i, a.out_w), y = take(i, a.out_h);
        if (!channels_first) c = take(i, a.c / N) * N;
        const int first_y = y * a.down_y - a.pad_y, first_x = x * a.down_x - a.pad_x;  // under tap 0
        const int top = ceil_divide(first_y, a.up_y) > 0 ? ceil_divide(first_y, a.up_y) : 0;
        const int left = ceil_divide(first_x, a.up_x) > 0 ? ceil_divide(first_x, a.up_x) : 0;
        const T* picture = input<T>(a, i, c);
        R sum[N] = {}, value[N];
        for (int row = top, ky = top * a.up_y - first_y; row < a.in_h && ky < a.taps_y; ++row, ky += a.up_y) {
            for (int col = left, kx = left * a.up_x - first_x; col < a.in_w && kx < a.taps_x; ++col, kx += a.up_x) {
                load(picture + row * a.x_strides[AXIS_H] + col * a.x_strides[AXIS_W], value);
                const R weight = tap<T>(a, ky, kx);
#pragma unroll
                for (int k = 0; k < N; ++k) sum[k] += weight * value[k];
            }
        }
        store(output<T>(a, i, c, y, x), sum);
    }
};

// ---- 4 x 4 taps: the networks' own filter ---------------------------------------------------------------------------
// Padding must be a multiple of `up`, so that which taps meet which rows is known when this is compiled.

constexpr int TAPS = 4;

template <int up, int down> struct Strip {
    static constexpr int ROWS = down == 1 ? 8 : 4;  // of output, that one item does
    static constexpr int IN_ROWS = ((ROWS - 1) * down + TAPS - 1) / up + 1;
    // The tap that input row `in` has in output row `out`, both counted from the strip's first; outside 0..3: none.
    static BOTH constexpr int tap_of(int in, int out) { return in * up - out * down; }
    static BOTH constexpr bool is_last(int in, int out) { return in == (out * down + TAPS - 1) / up; }
};

template <class T, int up, int down> struct ChannelStrip : Strip<up, down> {
    using R = Real<T>;
    using S = Strip<up, down>;
    static constexpr int N = WIDEST / sizeof(T), COLUMNS = TAPS / up;
    Upfirdn2dArguments a;
    int lanes, slices, strips;  // vectors of channels side by side, how often; strips of a picture

    explicit ChannelStrip(const Upfirdn2dArguments& arguments) : a(arguments) {
        const int vectors = a.c / N;
        lanes = vectors <= 8 ? vectors : vectors % 8 == 0 ? 8 : vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1;
        slices = vectors / lanes;  // a block holds few channels of many columns: more of its reads are shared
        strips = (a.out_h + S::ROWS - 1) / S::ROWS;
    }

    int64_t items() const { return int64_t(lanes) * a.out_w * slices * strips * a.n; }

    BOTH void operator()(int64_t i) const {
        const int lane = take(i, lanes), x = take(i, a.out_w), c = (take(i, slices) * lanes + lane) * N;
        const int y = take(i, strips) * S::ROWS, top = (y * down - a.pad_y) / up;
        const int left = ceil_divide(x * down - a.pad_x, up), first_tap = left * up - (x * down - a.pad_x);
        R weights[TAPS][COLUMNS];
#pragma unroll
        for (int k = 0; k < TAPS * COLUMNS; ++k) {
            weights[k / COLUMNS][k % COLUMNS] = tap<T>(a, k / COLUMNS, first_tap + k % COLUMNS * up);
        }
        const T* from = input<T>(a, i, c) + left * a.x_strides[AXIS_W];
        R sums[S::ROWS][N] = {};
#pragma unroll
        for (int in = 0; in < S::IN_ROWS; ++in) {
            const T* row = from + (top + in) * a.x_strides[AXIS_H];
#pragma unroll
            for (int j = 0; j < COLUMNS; ++j) {  // one by one: all at once would take more registers than there are
                R value[N] = {};
                const bool inside = top + in >= 0 && top + in < a.in_h && left + j >= 0 && left + j < a.in_w;
                if (inside) load(row + j * a.x_strides[AXIS_W], value);
                add(in, j, value, weights, sums);
            }
#pragma unroll
            for (int out = 0; out < S::ROWS; ++out) {
                if (S::is_last(in, out) && y + out < a.out_h) store(output<T>(a, i, c, y + out, x), sums[out]);
            }
        }
    }

    static BOTH void add(int in, int j, const R (&value)[N], const R (&weights)[TAPS][COLUMNS], R (&sums)[S::ROWS][N]) {
#pragma unroll
        for (int out = 0; out < S::ROWS; ++out) {
            const int ky = S::tap_of(in, out);
            if (ky < 0 || ky >= TAPS) continue;
#pragma unroll
            for (int k = 0; k < N; ++k) sums[out][k] += weights[ky][j] * value[k];
        }
    }
};

// `pad` is a.pad_x where rows begin at words, so that the place of each column in its word is known; else NOT_ALIGNED.
constexpr int NOT_ALIGNED = -1;

template <class T, int up, int down, int pad> struct RowStrip : Strip<up, down> {
    using R = Real<T>;
    using S = Strip<up, down>;
    static constexpr int N = pad == NOT_ALIGNED ? 2 : WIDEST / sizeof(T);  // columns of output
    static constexpr int COLUMNS = ((N - 1) * down + TAPS - 1) / up + 1;  // of input
    static constexpr int WORD = pad == NOT_ALIGNED ? 1 : N / up;  // columns of one load
    static constexpr int LEAD = pad == NOT_ALIGNED ? 0 : WORD - pad / up;  // of the first load, that are not needed
    Upfirdn2dArguments a;
    int groups, strips;

    explicit RowStrip(const Upfirdn2dArguments& arguments) : a(arguments) {
        groups = (a.out_w + N - 1) / N;
        strips = (a.out_h + S::ROWS - 1) / S::ROWS;
    }

    int64_t items() const { return int64_t(groups) * strips * a.c * a.n; }

    BOTH void operator()(int64_t i) const {
        const int x = take(i, groups) * N, y = take(i, strips) * S::ROWS, c = take(i, a.c);
        const int top = (y * down - a.pad_y) / up, left = (x * down - a.pad_x) / up;
        R weights[TAPS][TAPS];
#pragma unroll
        for (int k = 0; k < TAPS * TAPS; ++k) weights[k / TAPS][k % TAPS] = tap<T>(a, k / TAPS, k % TAPS);
        const T* from = input<T>(a, i, c);
        R sums[S::ROWS][N] = {};
#pragma unroll
        for (int in = 0; in < S::IN_ROWS; ++in) {
            R values[COLUMNS];
            load_row(from, top + in, left, values);
#pragma unroll
            for (int out = 0; out < S::ROWS; ++out) {
                const int ky = S::tap_of(in, out);
                if (ky < 0 || ky >= TAPS) continue;
                convolve(weights[ky], values, sums[out]);
                if (S::is_last(in, out) && y + out < a.out_h) store_row(output<T>(a, i, c, y + out, x), x, sums[out]);
            }
        }
    }

    BOTH void load_row(const T* from, int row, int left, R (&values)[COLUMNS]) const {
        from += row * a.x_strides[AXIS_H];
#pragma unroll
        for (int j = -LEAD; j < COLUMNS; j += WORD) {
            R word[WORD] = {};
            if (row >= 0 && row < a.in_h && left + j >= 0 && left + j < a.in_w) load(from + left + j, word);
#pragma unroll
            for (int k = 0; k < WORD; ++k) {
                if (j + k >= 0 && j + k < COLUMNS) values[j + k] = word[k];
            }
        }
    }

    static BOTH void convolve(const R (&weights)[TAPS], const R (&values)[COLUMNS], R (&sums)[N]) {
#pragma unroll
        for (int k = 0; k < N * TAPS; ++k) {
            const int place = k / TAPS * down + k % TAPS;  // among the columns with zeros inserted
            if (place % up == 0) sums[k / TAPS] += weights[k % TAPS] * values[place / up];
        }
    }

    BOTH void store_row(T* to, int x, const R (&sums)[N]) const {
        if (pad != NOT_ALIGNED) {
            store(to, sums);
        } else {
#pragma unroll
            for (int k = 0; k < N; ++k) {
                if (x + k < a.out_w) to[k] = static_cast<T>(sums[k]);
            }
        }
    }
};

// ---- from the arguments to the one body that fits -------------------------------------------------------------------

// Whether every address of a vector along `axis` is a multiple of `n` elements, and `length` a whole number of them.
bool is_wide(const void* pointer, const int64_t (&strides)[4], Axis axis, int length, int n) {
    bool whole = strides[axis] == 1 && length % n == 0 && is_aligned(pointer);
    for (int other = 0; other < 4; ++other) whole = whole && (other == axis || strides[other] % n == 0);
    return whole;
}

template <class T> bool channels_are_wide(const Upfirdn2dArguments& a) {
    constexpr int N = WIDEST / sizeof(T);
    return is_wide(a.x, a.x_strides, AXIS_C, a.c, N) && is_wide(a.y, a.y_strides, AXIS_C, a.c, N);
}

template <class T> bool rows_are_wide(const Upfirdn2dArguments& a) {
    constexpr int N = WIDEST / sizeof(T);
    return is_wide(a.x, a.x_strides, AXIS_W, a.in_w, N / a.up_x) && is_wide(a.y, a.y_strides, AXIS_W, a.out_w, N);
}

template <class Body> int start(const Body& body, const Place& place) {
    return launch(body, body.items(), place);
}

template <class T> int start_any(const Upfirdn2dArguments& a, const Place& place) {
    constexpr int N = WIDEST / sizeof(T);
    if (channels_are_wide<T>(a)) return start(AnyResampling<T, N>{a, true}, place);
    return start(AnyResampling<T, 1>{a, a.x_strides[AXIS_C] == 1 && a.y_strides[AXIS_C] == 1}, place);
}

template <class T, int up, int down> int start_strip(const Upfirdn2dArguments& a, const Place& place) {
    if (channels_are_wide<T>(a)) return start(ChannelStrip<T, up, down>(a), place);
    if (a.x_strides[AXIS_W] != 1 || a.y_strides[AXIS_W] != 1) return start_any<T>(a, place);
    if (rows_are_wide<T>(a)) {  // 1 and 2: all paddings that the networks and their derivatives have
        if constexpr (up == 1) {
            if (a.pad_x == 1) return start(RowStrip<T, up, down, 1>(a), place);
        }
        if constexpr (down == 1) {
            if (a.pad_x == 2) return start(RowStrip<T, up, down, 2>(a), place);
        }
    }
    return start(RowStrip<T, up, down, NOT_ALIGNED>(a), place);
}

template <class T> int choose_body(const Upfirdn2dArguments& a, const Place& place) {
    const bool square = a.up_x == a.up_y && a.down_x == a.down_y && a.taps_x == TAPS && a.taps_y == TAPS;
    const bool even = a.pad_x % 2 == 0 && a.pad_y % 2 == 0;
    if (square && a.up_x == 1 && a.down_x == 1) return start_strip<T, 1, 1>(a, place);
    if (square && a.up_x == 1 && a.down_x == 2) return start_strip<T, 1, 2>(a, place);
    if (square && a.up_x == 2 && a.down_x == 1 && even) return start_strip<T, 2, 1>(a, place);
    return start_any<T>(a, place);
}

int choose_dtype(const Upfirdn2dArguments& a, const Place& place) {
    switch (a.dtype) {
        case FLOAT32: return choose_body<float>(a, place);
        case FLOAT64: return start_any<double>(a, place);
        case FLOAT16: return choose_body<__half>(a, place);
        case BFLOAT16: return choose_body<__nv_bfloat16>(a, place);
        default: return cudaErrorInvalidValue;
    }
}

}  // namespace

EXPORT int blendgan_upfirdn2d(const Upfirdn2dArguments* arguments, int device, void* stream) {
    return choose_dtype(*arguments, Place{device, stream});
}
