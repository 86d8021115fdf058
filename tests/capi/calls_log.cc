// What a model has to say goes to its own log, and nowhere where it has none.
#include "calls.h"

void Logs(const std::string& path) {
  struct Told {
    int count = 0, level = -1;
    std::string last;
    static void Log(void* self, int32_t level, const char* text) {
      auto* told = static_cast<Told*>(self);
      ++told->count, told->level = level, told->last = text;
    }
  } one, two;
  pith_model_options options = pith_model_options_default();
  options.log = Told::Log;
  options.log_user_data = &one;
  options.template_kwargs = "{\"add_generation_prompt\": true, \"nobody_asks_for_it\": 1}";
  pith_model *first = nullptr, *second = nullptr;
  EXPECT_OK(pith_model_open(path.c_str(), &options, &first, &error));
  EXPECT(one.count == 1 && one.level == PITH_LOG_WARNING && one.last.find("nobody_asks_for_it, which the model's chat template does not ask for") != std::string::npos);
  options.log_user_data = &two;
  options.template_kwargs = nullptr;
  EXPECT_OK(pith_model_open(path.c_str(), &options, &second, &error));
  EXPECT(two.count == 0);
  pith_conversation_options told = pith_conversation_options_default();
  pith_conversation* conversation = nullptr;
  told.template_now = "2024-07-26";
  EXPECT_OK(pith_conversation_open(second, &told, &conversation, &error));
  EXPECT(two.count == 1 && two.last.find("asks for no time") != std::string::npos && one.count == 1);
  pith_conversation_free(conversation);
  EXPECT(pith_model_close(first) == PITH_OK && pith_model_close(second) == PITH_OK);
}
