// Between ops.cc and the versions of each instruction set. See ops.h for the formulas.
#pragma once

#include <cstdint>

#include "base/rotary.h"

namespace pith {

void RmsNormRef(const float* x, const float* w, float* y, int64_t d, float eps);
void RopeRef(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);
void SwiGluRef(const float* gate, const float* up, float* y, int64_t n);
void GeGluRef(const float* gate, const float* up, float* y, int64_t n);
void ReluSquaredRef(const float* x, float* y, int64_t n);
float LogSumExpRef(const float* x, int64_t n);

void RmsNormAvx2(const float* x, const float* w, float* y, int64_t d, float eps);
void RopeAvx2(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);
void SwiGluAvx2(const float* gate, const float* up, float* y, int64_t n);
void GeGluAvx2(const float* gate, const float* up, float* y, int64_t n);
void ReluSquaredAvx2(const float* x, float* y, int64_t n);
float LogSumExpAvx2(const float* x, int64_t n);

void RmsNormAvx512(const float* x, const float* w, float* y, int64_t d, float eps);
void RopeAvx512(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);
void SwiGluAvx512(const float* gate, const float* up, float* y, int64_t n);
void GeGluAvx512(const float* gate, const float* up, float* y, int64_t n);
void ReluSquaredAvx512(const float* x, float* y, int64_t n);
float LogSumExpAvx512(const float* x, int64_t n);

void RmsNormNeon(const float* x, const float* w, float* y, int64_t d, float eps);
void RopeNeon(float* x, const float* cos, const float* sin, int64_t head_dim, RopeLayout layout);
void SwiGluNeon(const float* gate, const float* up, float* y, int64_t n);
void GeGluNeon(const float* gate, const float* up, float* y, int64_t n);
void ReluSquaredNeon(const float* x, float* y, int64_t n);
float LogSumExpNeon(const float* x, int64_t n);

}  // namespace pith
