// pith_conversation_…
#include "runtime/capi/handles.h"

namespace pith::capi {
namespace {

void CheckOpen(const Model& model) {
  if (model.closed()) throw StatusError(PITH_CLOSED, "the model is closed");
}

template <class F>
pith_status Change(pith_conversation* handle, pith_error* error, const F& change) {
  return Guarded(error, SinkOfHandle(handle), [&] {
    const pith_conversation& conversation = Get(handle, "conversation");
    CheckOpen(*conversation.model);
    conversation.state->With([&](Conversation& turns, uint64_t& version) {
      change(conversation, turns, version);
      ++version;
    });
  });
}

}  // namespace
}  // namespace pith::capi

using namespace pith::capi;

pith_status pith_conversation_open(pith_model* model, const pith_conversation_options* options, pith_conversation** conversation, pith_error* error) {
  if (conversation != nullptr) *conversation = nullptr;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(conversation, "conversation");
    const std::shared_ptr<Model>& of = Get(model, "model").model;
    CheckOpen(*of);
    const pith_conversation_options given = ReadStruct(options, "options");
    const std::string system = OptionalText(given.system, "options.system");
    const pith_adapter* adapter = given.adapter == nullptr ? nullptr : &Get(given.adapter, "options.adapter");
    if (adapter != nullptr && adapter->model != of) pith::ThrowUser("options.adapter was opened for another model");
    const pith::Prompter& models = of->prompter();
    std::unique_ptr<pith::Prompter> own;
    if (adapter != nullptr || given.template_now != nullptr || given.template_kwargs != nullptr) {
      std::string now = OptionalText(given.template_now, "options.template_now"), kwargs = OptionalText(given.template_kwargs, "options.template_kwargs");
      if (given.template_now == nullptr && adapter != nullptr) now = adapter->named.adapter->template_now();
      if (given.template_kwargs == nullptr && adapter != nullptr) kwargs = adapter->named.adapter->template_kwargs();
      if (given.template_now == nullptr && now.empty()) now = of->settings().template_now;
      if (given.template_kwargs == nullptr && kwargs.empty()) kwargs = of->settings().template_kwargs;
      own = models.Told(now, kwargs);
      WarnOfUnused(own->chat(), given.template_now != nullptr ? now : "", given.template_kwargs != nullptr ? kwargs : "");
    }
    const pith::Prompter& used = own ? *own : models;
    auto made = std::make_unique<pith_conversation>();
    made->model = of;
    made->state = std::make_shared<ConversationState>(of, std::move(own), used, system);
    *conversation = made.release();
  });
}

void pith_conversation_free(pith_conversation* conversation) {
  if (Retire(conversation)) delete conversation;
}

int64_t pith_conversation_turns(const pith_conversation* conversation) {
  int64_t turns = -1;
  (void)Guarded(nullptr, nullptr, [&] {
    turns = Get(conversation, "conversation").state->With([](const pith::Conversation& of, uint64_t) { return of.turns(); });
  });
  return turns;
}

pith_status pith_conversation_add(pith_conversation* conversation, const char* user, const char* answer, pith_error* error) {
  return Change(conversation, error, [&](const pith_conversation&, pith::Conversation& turns, uint64_t) { turns.Keep(Text(user, "user"), Text(answer, "answer")); });
}

pith_status pith_conversation_drop_last(pith_conversation* conversation, pith_error* error) {
  return Change(conversation, error, [](const pith_conversation&, pith::Conversation& turns, uint64_t) { turns.DropLast(); });
}

pith_status pith_conversation_forget(pith_conversation* conversation, pith_error* error) {
  return Change(conversation, error, [](const pith_conversation&, pith::Conversation& turns, uint64_t) { turns.Forget(); });
}

pith_status pith_conversation_keep(pith_conversation* conversation, const pith_answer* answer, int32_t chain, pith_error* error) {
  return Change(conversation, error, [&](const pith_conversation& handle, pith::Conversation& turns, uint64_t version) {
    const Answer& from = *Get(answer, "answer").answer;
    if (chain < 0 || static_cast<size_t>(chain) >= from.chains.size()) {
      pith::ThrowUser("chain ", chain, " was to be kept; the answer has ", from.chains.size(), ", from 0 on");
    }
    if (!from.turn.any || from.turn.conversation.lock() != handle.state) pith::ThrowUser("the answer is not of a question in this conversation");
    if (from.turn.version != version) pith::ThrowUser("the conversation has gone on since the answer's question was asked; ask again");
    turns.Keep(from.turn.user, from.chains[static_cast<size_t>(chain)].kept);
  });
}
