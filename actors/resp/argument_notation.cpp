#include "actors/resp/argument_notation.hpp"

#include "actors/resp/number_parsing.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

/// Recursive descent; the depth is that of our own notation.
class notation_reader {
 public:
  explicit notation_reader(std::string_view text) : rest_(text) {}

  std::vector<argument_note> list() {
    std::vector<argument_note> notes;
    while (!rest_.empty() && rest_.front() != ')') {
      notes.push_back(one());
      take(' ');
    }
    return notes;
  }

 private:
  argument_note one() {
    argument_note note;
    note.is_optional = take('[');
    const std::string_view head = until("#=@(+!] )");
    const std::size_t colon = head.rfind(':');
    ENSURE(colon != std::string_view::npos);
    note.name = head.substr(0, colon);
    note.type = head.substr(colon + 1);
    if (take('#')) note.key_spec_index = parse_integer(until("=@(+!] )"));
    if (take('=')) note.token = until("@(+!] )");
    if (take('@')) note.since = until("(+!] )");
    if (take('(')) {
      note.nested = list();
      ENSURE(take(')'));
    }
    note.is_multiple = take('+');
    note.repeats_token = take('!');
    if (note.is_optional) ENSURE(take(']'));
    return note;
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view until(std::string_view ends) {
    const std::string_view taken = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

std::string usage_of_one(const argument_note& note) {
  const std::string_view separator = note.type == "oneof" ? "|" : " ";
  std::string value;
  for (const argument_note& part : note.nested) {
    if (!value.empty()) value += separator;
    value += usage_of_one(part);
  }
  if (note.nested.empty() && note.type != "pure-token") {
    value = "<" + std::string(note.name) + ">";
  }
  std::string text(note.token);
  if (!text.empty() && !value.empty()) text += ' ';
  text += value;
  if (note.is_multiple) text += " [" + text + " ...]";
  return note.is_optional ? "[" + text + "]" : text;
}

}  // namespace

std::vector<argument_note> parse_argument_notation(std::string_view notation) {
  return notation_reader(notation).list();
}

std::string usage_of(const std::vector<argument_note>& notes) {
  std::string text;
  for (const argument_note& note : notes) text += " " + usage_of_one(note);
  return text;
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace troupe::resp
