#include "rewards/external/http.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "base/error.h"
#include "rewards/external/wire.h"

namespace pith {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 20;

[[noreturn]] void Fail(const std::string& why) { throw std::runtime_error(why); }

class Connection {
 public:
  Connection(const HttpUrl& url, Deadline deadline, const std::atomic<bool>* stopping)
      : name_(url.host + ":" + url.port), deadline_(deadline), stopping_(stopping) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); error != 0) {
      Fail(Str("the address ", name_, " cannot be found (", gai_strerror(error), ")"));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
    std::string why;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
      fd_ = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
      if (fd_ < 0) continue;
      int error = connect(fd_, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
      if (error == EINPROGRESS) {
        try {
          Wait(POLLOUT);
        } catch (...) {  // no destructor runs here
          close(fd_);
          throw;
        }
        socklen_t size = sizeof error;
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
      }
      if (error == 0) return;
      why = std::strerror(error);
      close(fd_);
      fd_ = -1;
    }
    Fail(Str("no connection to ", name_, " (", why.empty() ? "no address" : why, ")"));
  }
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n >= 0) done += static_cast<size_t>(n);
      else if (errno == EAGAIN) Wait(POLLOUT);
      else if (errno == EPIPE || errno == ECONNRESET) return;  // it may have answered already
      else if (errno != EINTR) Fail(Str(name_, " took no request (", std::strerror(errno), ")"));
    }
  }

  // What has come is added to `text`; false at the end.
  bool Receive(std::string* text) {
    char bytes[65536];
    while (true) {
      const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
      if (n == 0) return false;
      if (n > 0) {
        text->append(bytes, static_cast<size_t>(n));
        if (text->size() > kMaxAnswerBytes) Fail(Str(name_, " answered more than ", kMaxAnswerBytes, " bytes"));
        return true;
      }
      if (errno == EAGAIN) Wait(POLLIN);
      else if (errno != EINTR) Fail(Str("the connection to ", name_, " broke (", std::strerror(errno), ")"));
    }
  }

 private:
  void Wait(short events) const {
    while (!stopping_->load()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
      if (left < 0) Fail(Str(name_, " gave no answer in time"));
      pollfd poll_fd = {fd_, events, 0};
      if (poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left + 1, 100))) > 0) return;
    }
    Fail("judging was broken off");
  }

  const std::string name_;
  const Deadline deadline_;
  const std::atomic<bool>* stopping_;
  int fd_ = -1;
};

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// The value of a header, in lower case; empty without it. `head`: lines that end in \r\n.
std::string HeaderValue(const std::string& head, const std::string& name) {
  for (size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
    const std::string line = Lower(head.substr(at + 2, head.find("\r\n", at + 2) - at - 2));
    if (!line.starts_with(name + ":")) continue;
    const size_t begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
  }
  return "";
}

size_t NumberOf(const std::string& text, int base) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool over = end == text.data() + text.size() || *end == ';' || *end == ' ';
  if (error != std::errc() || !over || value > kMaxAnswerBytes) Fail(Str("the answer's length is broken: ", Beginning(text)));
  return value;
}

// The body of an answer in pieces that tell their size.
std::string ReadChunks(Connection& connection, std::string rest) {
  std::string body;
  const auto until = [&](size_t size) {
    while (rest.size() < size) {
      if (!connection.Receive(&rest)) Fail("the answer ends too early");
    }
  };
  while (true) {
    size_t end;
    while ((end = rest.find("\r\n")) == std::string::npos) until(rest.size() + 1);
    const size_t size = NumberOf(rest.substr(0, end), 16);
    if (size == 0) return body;
    until(end + 2 + size + 2);
    body += rest.substr(end + 2, size);
    if (body.size() > kMaxAnswerBytes) Fail(Str("the answer has more than ", kMaxAnswerBytes, " bytes"));
    rest.erase(0, end + 2 + size + 2);
  }
}

}  // namespace

HttpUrl ParseHttpUrl(const std::string& url) {
  const std::string scheme = "http://";
  const auto refuse = [&](const std::string& why) { ThrowUser("the verifier's URL is '", url, "', ", why, "; expected http://HOST[:PORT][/PATH]"); };
  if (url.starts_with("https://")) refuse("which asks for encryption that pith does not speak");
  if (!url.starts_with(scheme)) refuse("which is none");
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; })) refuse("which holds spaces");
  const size_t end = std::min(url.find_first_of("/?#", scheme.size()), url.size());
  std::string authority = url.substr(scheme.size(), end - scheme.size());
  HttpUrl parsed;
  parsed.path = url.substr(end, url.find('#') == std::string::npos ? std::string::npos : url.find('#') - end);
  if (!parsed.path.starts_with("/")) parsed.path = "/" + parsed.path;
  const size_t colon = authority.rfind(':');
  parsed.port = "80";
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    parsed.port = authority.substr(colon + 1);
    authority.resize(colon);
    if (parsed.port.empty() || parsed.port.size() > 5 || parsed.port.find_first_not_of("0123456789") != std::string::npos) refuse("whose port is no number");
  }
  if (authority.starts_with("[") && authority.ends_with("]")) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty() || authority.find('@') != std::string::npos) refuse("which names no host");
  parsed.host = authority;
  return parsed;
}

std::string PostJson(const HttpUrl& url, const std::string& body, Deadline deadline, const std::atomic<bool>* stopping) {
  Connection connection(url, deadline, stopping);
  const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  connection.Send(Str("POST ", url.path, " HTTP/1.1\r\nHost: ", host, ":", url.port,
                      "\r\nContent-Type: application/json\r\nAccept: application/json\r\nConnection: close\r\nContent-Length: ", body.size(), "\r\n\r\n") +
                  body);
  std::string answer;
  size_t end;
  while (true) {
    while ((end = answer.find("\r\n\r\n")) == std::string::npos) {
      if (!connection.Receive(&answer)) Fail(answer.empty() ? "the server closed the connection without an answer" : "the server's answer is no HTTP: " + Beginning(answer));
    }
    if (!answer.starts_with("HTTP/1.1 1")) break;
    answer.erase(0, end + 4);  // "100 Continue"
  }
  const std::string head = answer.substr(0, end + 2);
  std::string rest = answer.substr(end + 4);
  if (!head.starts_with("HTTP/1.")) Fail("the server's answer is no HTTP: " + Beginning(answer));
  if (HeaderValue(head, "transfer-encoding") == "chunked") {
    rest = ReadChunks(connection, std::move(rest));
  } else if (const std::string length = HeaderValue(head, "content-length"); !length.empty()) {
    const size_t size = NumberOf(length, 10);
    while (rest.size() < size) {
      if (!connection.Receive(&rest)) Fail("the answer ends too early");
    }
    rest.resize(size);
  } else {
    while (connection.Receive(&rest)) {
    }
  }
  const std::string status = head.substr(std::min<size_t>(9, head.size()), 3);
  if (status != "200") Fail(Str("the server answered with status ", status, rest.empty() ? "" : ": " + Beginning(rest)));
  return rest;
}

}  // namespace pith
