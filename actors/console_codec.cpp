#include "actors/console_codec.hpp"

#include <fmt/format.h>
#include <kj/exception.h>

#include <utility>

#include "actors/console_commands.hpp"

namespace troupe::actors {

namespace {

using schemas::envelope;

std::string string_of(capnp::Text::Reader from) { return std::string(schemas::view(from)); }

failure unreadable(const char* what, const kj::Exception& why) {
  return {errc::corrupt, fmt::format("{} cannot be read: {}", what, why.getDescription().cStr())};
}

console_request read(const schemas::ConsoleRequest::Reader& from) {
  switch (from.which()) {
    case schemas::ConsoleRequest::HELP: return console_question::help;
    case schemas::ConsoleRequest::ACTORS: return console_question::actors;
    case schemas::ConsoleRequest::SHARDS: return console_question::shards;
    case schemas::ConsoleRequest::LOG: return console_question::log;
    case schemas::ConsoleRequest::PEERS: return console_question::peers;
    case schemas::ConsoleRequest::READ_SETTINGS: {
      if (from.getReadSettings().size() > console_words_max) break;
      read_settings wanted;
      for (const auto each : from.getReadSettings()) wanted.patterns.push_back(string_of(each));
      return wanted;
    }
    case schemas::ConsoleRequest::CHANGE_SETTING: {
      const auto setting = from.getChangeSetting();
      return change_setting{string_of(setting.getName()), string_of(setting.getValue())};
    }
    case schemas::ConsoleRequest::ASK:
      return ask_actor{string_of(from.getAsk().getActor()), string_of(from.getAsk().getWhat())};
    case schemas::ConsoleRequest::TELL: {
      const auto tell = from.getTell();
      return tell_actor{string_of(tell.getActor()), string_of(tell.getWhat()), tell.getSeconds()};
    }
    case schemas::ConsoleRequest::TAP: return tap_actor{string_of(from.getTap())};
  }
  // Of another version: admin says that there is no such thing.
  return ask_actor{};
}

}  // namespace

std::optional<std::uint64_t> console_number(const envelope<schemas::ConsoleRequest>& request) {
  if (!request) return std::nullopt;
  try {
    return envelope<schemas::ConsoleRequest>::reader(request)->getNumber();
  } catch (const kj::Exception&) {
    return std::nullopt;
  }
}

result<console_request> decode(const envelope<schemas::ConsoleRequest>& request) {
  try {
    return read(*envelope<schemas::ConsoleRequest>::reader(request));
  } catch (const kj::Exception& why) {
    return unreadable("the command", why);
  }
}

envelope<schemas::ConsoleAnswer> encode_failed(std::uint64_t number, std::string_view why) {
  envelope<schemas::ConsoleAnswer>::builder answer;
  answer->setNumber(number);
  answer->setFailed(schemas::text(std::string(why)));
  return answer.finish();
}

}  // namespace troupe::actors
