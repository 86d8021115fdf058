// The tree of a parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/template/jinja_value.h"

namespace pith {

struct JinjaExpr;
using JinjaExprPtr = std::unique_ptr<JinjaExpr>;

struct JinjaExpr {
  enum Kind {
    kConst,  // value
    kName,   // text
    kList,
    kTuple,      // items
    kDict,       // items: key, value, key, value, …
    kAttribute,  // items[0] . text
    kItem,       // items[0] [ items[1] ]
    kSlice,      // items: start, stop, step, each may be null; only inside kItem
    kCall,       // items[0] ( items[1…], named ); the names "*" and "**" hold what is unpacked
    kFilter,     // items[0] | text ( items[1…], named ); items[0] is null in {% filter %} and {% set x | f %}
    kTest,       // items[0] is text ( items[1…], named )
    kNot,
    kNegative,
    kPositive,
    kAnd,
    kOr,
    kBinary,         // text: + - * / // % **
    kConcat,         // items joined by ~
    kCompare,        // items[0] operators[0] items[1] operators[1] items[2] …
    kCondition,      // items: condition, then, otherwise (may be null)
    kNamespaceItem,  // target of {% set text.value = … %}: text and items none; value holds the attribute
  };
  Kind kind = kConst;
  int line = 0;
  int depth = 1;
  std::string text;
  JinjaValue value;
  std::vector<JinjaExprPtr> items;
  std::vector<std::pair<std::string, JinjaExprPtr>> named;
  std::vector<std::string> operators;
};

struct JinjaNode;
using JinjaBody = std::vector<std::unique_ptr<JinjaNode>>;

struct JinjaNode {
  enum Kind {
    kText,
    kOutput,
    kIf,
    kFor,
    kSet,
    kSetBlock,
    kMacro,
    kCallBlock,
    kFilterBlock,
    kWith,
    kBreak,
    kContinue,
    kScope
  };
  Kind kind = kText;
  int line = 0;
  std::string text;        // kText; name of kMacro
  JinjaExprPtr expr;       // printed, assigned, iterated over, called, or the filter chain of a block
  JinjaExprPtr target;     // of kSet, kSetBlock, kFor
  JinjaExprPtr condition;  // `for … if`
  std::vector<std::pair<JinjaExprPtr, JinjaBody>> branches;  // of kIf, in order
  std::vector<std::pair<std::string, JinjaExprPtr>>
      parameters;  // of kMacro, kCallBlock; default may be null. kWith: names
  JinjaBody body, otherwise;
  bool recursive = false;  // of kFor
  bool plain = true;       // of kMacro, kCallBlock: does not mention varargs, kwargs or caller
  std::vector<std::string> undefined;  // of kFor, kMacro, kCallBlock: names that its body assigns later; see jinja_scopes.h
};

}  // namespace pith
