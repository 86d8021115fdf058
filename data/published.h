// The published data sets, in our form.
#pragma once

#include <string>
#include <vector>

#include "data/problem.h"

namespace pith {

bool IsPublished(const std::string& name);  // gsm8k, math, math500, svamp

// In the order of the file. UserError: no such split, file missing and not downloadable, malformed record.
// gsm8k: train | test. math: train, the MATH problems outside MATH-500 ($PITH_DATA: those in its file; downloaded: the
// 12,000 of Lightman et al. 2023, "Let's verify step by step"); for test take math500. svamp: chal-1 to 700 train, the
// rest test.
std::vector<Problem> LoadPublished(const std::string& name, const std::string& split);

// Contents of the last \boxed{…} or \fbox{…} (braces matched), or of "\boxed 7"; empty when there is none.
std::string LastBoxed(const std::string& solution);

// GSM8K's rationale without its <<3*4=12>> marks.
std::string WithoutCalculatorMarks(const std::string& text);

// SVAMP's body and question as one text with sane punctuation.
std::string JoinSvampQuestion(std::string body, std::string question);

// 51 for 51.0, 2.5 for 2.50: as SVAMP's answers, all of which are doubles, are written by people.
std::string ShortestNumber(double value);

// SVAMP's "( ( 3.0 + 4.0 ) * 2.0 )" worked out: "3 + 4 = 7\n7 * 2 = 14\n#### 14"; empty where the equation is not
// a sum of such operations or its value is not `answer`.
std::string SolveSvampEquation(const std::string& equation, const std::string& answer);

}  // namespace pith
