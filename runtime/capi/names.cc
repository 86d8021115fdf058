// Version, words, and a log to stderr.
#include <cstdio>

#include "adapters/proof_check.h"
#include "base/version.h"
#include "runtime/capi/guard.h"
#include "runtime/generation/request.h"

const char* pith_version(void) { return pith::Version(); }
int32_t pith_abi(void) { return PITH_ABI; }

const char* pith_status_name(int32_t status) {
  switch (status) {
    case PITH_OK: return "ok";
    case PITH_INVALID: return "invalid";
    case PITH_NO_MEMORY: return "no memory";
    case PITH_INTERNAL: return "internal";
    case PITH_TIMEOUT: return "timeout";
    case PITH_CLOSED: return "closed";
    case PITH_IN_CALLBACK: return "in callback";
    default: return "unknown";
  }
}

const char* pith_verdict_name(int32_t verdict) {
  return verdict >= PITH_EQUAL && verdict <= PITH_WITHOUT_EFFECT ? pith::ProofVerdictName(static_cast<pith::ProofVerdict>(verdict)) : "unknown";
}

const char* pith_part_name(int32_t part) {
  return part >= PITH_THINKING && part <= PITH_FORCED ? pith::ResponsePartName(static_cast<pith::ResponsePart>(part)) : "unknown";
}

const char* pith_finish_name(int32_t finish) {
  return finish >= PITH_FINISH_STOP && finish <= PITH_FINISH_CANCELLED ? pith::FinishName(static_cast<pith::Finish>(finish)) : "unknown";
}

const char* pith_forced_by_name(int32_t forced_by) {
  return forced_by >= PITH_FORCED_BY_NONE && forced_by <= PITH_FORCED_BY_REQUEST ? pith::ForcedByName(static_cast<pith::ForcedBy>(forced_by)) : "unknown";
}

void pith_log_to_stderr(void* user_data, int32_t level, const char* text) {
  if (text != nullptr) std::fprintf(stderr, "pith: %s%s\n", level == PITH_LOG_WARNING ? "warning: " : "", text);
}
