#include "actors/resp/reply_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view line_breakers{"\r\n\0", 3};

/// "<kind><number>\r\n" in one append.
template <class Integer>
void append_number(std::string& to, char kind, Integer number) {
  std::array<char, 24> text;
  text[0] = kind;
  char* const digits_end = std::to_chars(text.data() + 1, text.data() + 21, number).ptr;
  digits_end[0] = '\r';
  digits_end[1] = '\n';
  to.append(text.data(), static_cast<std::size_t>(digits_end + 2 - text.data()));
}

}  // namespace

void reply_writer::line(char kind, std::string_view text) {
  const std::size_t start = to_->size() + 1;
  to_->push_back(kind);
  to_->append(text);
  std::size_t bad = to_->find_first_of(line_breakers, start);
  while (bad != std::string::npos) {
    (*to_)[bad] = ' ';
    bad = to_->find_first_of(line_breakers, bad + 1);
  }
  to_->append(line_end);
}

void reply_writer::header(char kind, std::uint64_t count) { append_number(*to_, kind, count); }

void reply_writer::simple(std::string_view text) { line('+', text); }

void reply_writer::error(std::string_view text) {
  line('-', text.substr(0, text.find_last_not_of("\r\n") + 1));
}

void reply_writer::integer(std::int64_t value) { append_number(*to_, ':', value); }

void reply_writer::bulk(std::string_view bytes) {
  header('$', bytes.size());
  to_->append(bytes);
  to_->append(line_end);
}

void reply_writer::begin_bulk(std::uint64_t size) { header('$', size); }

void reply_writer::null() {
  version_ == protocol::resp2 ? to_->append("$-1\r\n") : to_->append("_\r\n");
}

void reply_writer::null_array() {
  version_ == protocol::resp2 ? to_->append("*-1\r\n") : to_->append("_\r\n");
}

void reply_writer::array(std::size_t count) { header('*', count); }

void reply_writer::map(std::size_t pairs) {
  version_ == protocol::resp2 ? header('*', 2 * pairs) : header('%', pairs);
}

void reply_writer::set(std::size_t count) {
  header(version_ == protocol::resp2 ? '*' : '~', count);
}

void reply_writer::real(double value) {
  std::array<char, 32> text;
  char* end = text.data();
  if (std::isnan(value)) {
    // Not by to_chars: the sign of a NaN means nothing to a client.
    std::memcpy(text.data(), "nan", 3);
    end += 3;
  } else {
    end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 17)
            .ptr;
  }
  const std::string_view digits{text.data(), static_cast<std::size_t>(end - text.data())};
  if (version_ == protocol::resp2) return bulk(digits);
  to_->push_back(',');
  to_->append(digits);
  to_->append(line_end);
}

void reply_writer::boolean(bool value) {
  if (version_ == protocol::resp2) return integer(value ? 1 : 0);
  to_->append(value ? "#t\r\n" : "#f\r\n");
}

void reply_writer::verbatim(std::string_view format, std::string_view text) {
  ENSURE(format.size() == 3);
  if (version_ == protocol::resp2) return bulk(text);
  header('=', text.size() + 4);
  to_->append(format);
  to_->push_back(':');
  to_->append(text);
  to_->append(line_end);
}

}  // namespace troupe::resp
