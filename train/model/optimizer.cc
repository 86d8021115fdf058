#include "train/model/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "base/error.h"
#include "train/model/kernels.h"

namespace pith {

int64_t WarmupSteps(const OptimizerSettings& settings, int64_t total) {
  if (settings.warmup_ratio == 0) return settings.warmup_steps;
  return static_cast<int64_t>(std::ceil(settings.warmup_ratio * static_cast<double>(total)));
}

void CheckWarmup(const OptimizerSettings& settings, int64_t total) {
  const int64_t steps = WarmupSteps(settings, total);
  if (steps < total) return;
  const bool ratio = settings.warmup_ratio > 0;
  ThrowUser("optimizer.", ratio ? Str("warmup_ratio is ", settings.warmup_ratio, ", a warm-up of ", steps, " steps") : Str("warmup_steps is ", steps),
            ", expected less than the run's ", total, " optimiser steps: the learning rate would never be reached; lower it or train longer");
}

double LearningRate(const OptimizerSettings& s, int64_t step, int64_t total) {
  PITH_CHECK(s.learning_rate.has_value(), "the session resolves the rate");
  const double highest = *s.learning_rate;
  const int64_t warmup = WarmupSteps(s, total);
  if (step < warmup) return highest * static_cast<double>(step + 1) / static_cast<double>(warmup + 1);
  const double span = static_cast<double>(std::max<int64_t>(1, total - warmup));
  const double done = std::min(1.0, static_cast<double>(step - warmup) / span);
  const auto falling = [&](double share) { return highest * (s.min_ratio + (1.0 - s.min_ratio) * share); };
  if (s.schedule == "linear") return falling(1.0 - done);
  if (s.schedule == "cosine") return falling(0.5 * (1.0 + std::cos(std::numbers::pi * done)));
  return highest;
}

Optimizer::Optimizer(const OptimizerSettings& settings, const std::vector<NamedParameter>& parameters)
    : settings_(settings), parameters_(parameters) {
  for (const NamedParameter& p : parameters_) {
    m_.push_back(at::zeros_like(p.tensor, at::TensorOptions().requires_grad(false)));
    v_.push_back(at::zeros_like(p.tensor, at::TensorOptions().requires_grad(false)));
  }
}

Optimizer::StepInfo Optimizer::Step(int64_t step, int64_t total) {
  const auto n = static_cast<int64_t>(parameters_.size());
  std::vector<at::Tensor> grads;
  for (const NamedParameter& p : parameters_) {
    grads.push_back(p.tensor.grad().defined() ? p.tensor.grad().contiguous() : at::zeros_like(p.tensor));
  }
  std::vector<double> squares(parameters_.size());
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) squares[i] = SumOfSquares(grads[i].data_ptr<float>(), grads[i].numel());
  });
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(squares[i])) {
      ThrowUser("the gradient of ", parameters_[i].name, " is not finite in optimiser step ", step + 1,
                "; the adapter was not updated. Lower optimizer.learning_rate, or resume from the last checkpoint");
    }
    sum += squares[i];
  }
  StepInfo info;
  info.grad_norm = std::sqrt(sum);
  info.learning_rate = LearningRate(settings_, step, total);
  AdamWStep s;
  s.learning_rate = static_cast<float>(info.learning_rate);
  s.beta1 = static_cast<float>(settings_.beta1);
  s.beta2 = static_cast<float>(settings_.beta2);
  s.epsilon = static_cast<float>(settings_.epsilon);
  s.weight_decay = static_cast<float>(settings_.weight_decay);
  s.step = ++num_updates_;
  s.grad_scale = settings_.max_grad_norm > 0 && info.grad_norm > settings_.max_grad_norm
                     ? static_cast<float>(settings_.max_grad_norm / (info.grad_norm + 1e-6))
                     : 1.0f;
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      AdamWUpdate(s, grads[i].data_ptr<float>(), grads[i].numel(), parameters_[i].tensor.data_ptr<float>(),
                  m_[i].data_ptr<float>(), v_[i].data_ptr<float>());
    }
  });
  for (NamedParameter& p : parameters_) p.tensor.mutable_grad() = at::Tensor();
  return info;
}

std::vector<std::string> Optimizer::WithoutGradient() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (SumOfSquares(v_[i].data_ptr<float>(), v_[i].numel()) == 0) names.push_back(parameters_[i].name);
  }
  return names;
}

void Optimizer::Hold() {
  for (const auto& [from, to] : {std::pair(&m_, &held_m_), std::pair(&v_, &held_v_)}) {
    to->resize(from->size());
    for (size_t i = 0; i < from->size(); ++i) {
      if ((*to)[i].defined()) {
        (*to)[i].copy_((*from)[i]);
      } else {
        (*to)[i] = (*from)[i].clone();
      }
    }
  }
}

void Optimizer::Write(const std::string& path, const std::vector<at::Tensor>& m, const std::vector<at::Tensor>& v) const {
  PITH_CHECK(m.size() == parameters_.size() && v.size() == parameters_.size(), "nothing was held");
  std::vector<SafeTensorToWrite> out;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::vector<int64_t> shape = parameters_[i].tensor.sizes().vec();
    out.push_back({parameters_[i].name + ".m", shape, TensorType::kF32, m[i].data_ptr()});
    out.push_back({parameters_[i].name + ".v", shape, TensorType::kF32, v[i].data_ptr()});
  }
  WriteSafetensors(path, out);
}

void Optimizer::Load(const std::string& path, int64_t num_updates) {
  const SafetensorsFile file(path);
  const auto load = [&](const std::string& name, at::Tensor& into) {
    const SafeTensor* t = file.Find(name);
    if (t == nullptr || t->type != TensorType::kF32 || t->shape != into.sizes().vec()) {
      ThrowUser(path, ": tensor ", name, " is missing or has another shape than the adapter; the run's configuration changed");
    }
    std::memcpy(into.data_ptr(), t->data, t->bytes);
  };
  for (size_t i = 0; i < parameters_.size(); ++i) {
    load(parameters_[i].name + ".m", m_[i]);
    load(parameters_[i].name + ".v", v_[i]);
  }
  num_updates_ = num_updates;
}

}  // namespace pith
