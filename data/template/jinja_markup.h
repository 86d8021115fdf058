// Markup: text that is taken to be HTML already, as the filters `safe` and `escape` give it. Chat templates write no HTML, but
// some say `'…'|safe + text`, and then Python escapes the text. (MarkupSafe's Markup, without autoescape.)
#pragma once

#include <string>

#include "data/template/jinja_runtime.h"

namespace pith {

// str(value) with & < > ' " as entities.
std::string JinjaEscape(const JinjaValue& value, JinjaRuntime& rt);
// Markup as it is, anything else escaped.
JinjaValue JinjaToMarkup(const JinjaValue& value, JinjaRuntime& rt);
// `value` as a result of an operation on `self`: where that is markup, its texts are too.
JinjaValue JinjaMarkupLike(const JinjaValue& self, const JinjaValue& value, JinjaRuntime& rt);
// Arguments of a method of markup, what it puts into the text escaped; format and format_map see to that themselves.
JinjaArgs JinjaMarkupArgs(std::string_view method, const JinjaArgs& args, JinjaRuntime& rt);

}  // namespace pith
