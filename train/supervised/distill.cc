#include "train/supervised/distill.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"
#include "train/model/distill_head.h"
#include "train/ranks/ranks.h"

namespace pith {

DistillStepResult DistillGradients(const Session& session, const Model& model, const PromptEncoder& encoder, const ScoringTeacher& teacher,
                                   const std::vector<SftExample>& examples, std::span<const size_t> batch, int64_t step) {
  const SftSequences own = MakeSequences(session, encoder, examples, batch);
  std::vector<size_t> problems;
  std::vector<const std::vector<int32_t>*> responses;
  for (size_t i : batch) {
    problems.push_back(examples[i].problem);
    responses.push_back(&examples[i].response);
  }
  const std::vector<TrainSequence> its = teacher.Sequences(problems, responses);
  const DistillSettings& settings = session.config.distill;
  const DivergenceTerms terms = {settings.divergence == "reverse" ? Divergence::kReverse : Divergence::kForward, settings.temperature,
                                 teacher.num_tokens()};
  const Model::ForwardOptions forward = TrainingForward(session, step);
  const double weight = 1.0 / static_cast<double>(own.response_tokens);
  at::Tensor sums = at::zeros({3, own.response_tokens});  // divergence, log p, the teacher's log p, token by token
  ForEachMicroBatch(model.ranks(), own.sequences, {session.config.sft.micro_batch_size, session.config.sft.micro_batch_tokens}, [&](size_t begin, size_t end, int64_t token) {
    const PackedSequences packed = Pack(std::span(own.sequences).subspan(begin, end - begin));
    const PackedSequences teachers = Pack(std::span(its).subspan(begin, end - begin));
    at::Tensor guide;
    {
      const at::NoGradGuard no_grad;
      guide = teacher.model().Forward(teachers.inputs, teachers.rows, {});
    }
    const at::AutoGradMode grad_mode(true);
    const at::Tensor hidden = model.Forward(packed.inputs, packed.rows, forward);
    const DivergenceResult r = RunDivergence({model.head(), hidden.detach()}, {teacher.model().head(), guide}, packed.ids, terms, weight,
                                             /*want_gradient=*/true);
    const int64_t count = packed.ids.size(0);
    sums[0].narrow(0, token, count).copy_(r.divergence);
    sums[1].narrow(0, token, count).copy_(r.logp);
    sums[2].narrow(0, token, count).copy_(r.teacher_logp);
    hidden.backward(r.g_hidden);
  });
  Ranks::World().Sum(std::span(sums.data_ptr<float>(), static_cast<size_t>(sums.numel())));
  CheckFinite(session, examples, batch, own.sequences, sums[0], "divergence", step);
  CheckFinite(session, examples, batch, own.sequences, sums[1], "log-probability", step);
  const at::Tensor mean = sums.to(at::kDouble).mean(1);
  DistillStepResult result{MeanOf(own, sums[0])};
  result.nll = -mean[1].item<double>();
  result.teacher_nll = -mean[2].item<double>();
  return result;
}

}  // namespace pith
