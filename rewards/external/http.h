// A POST over HTTP/1.1, plain, with a deadline: all that a judge behind a URL needs. (Debian's cpp-httplib is a shared library that
// brings OpenSSL and Brotli into every program that links it.)
#pragma once

#include <atomic>
#include <string>

#include "base/process/child_process.h"

namespace pith {

struct HttpUrl {
  std::string host, port, path;  // "127.0.0.1", "8000", "/judge?x=1"
};
// UserError for what is no http://HOST[:PORT][/PATH]. An IPv6 address stands in brackets.
HttpUrl ParseHttpUrl(const std::string& url);

// What the server answers with status 200 to a body of JSON. std::runtime_error, saying why, for anything else. `stopping` ends it early.
std::string PostJson(const HttpUrl& url, const std::string& body, Deadline deadline, const std::atomic<bool>* stopping);

}  // namespace pith
