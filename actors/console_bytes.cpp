#include "actors/console_bytes.hpp"

#include <fmt/format.h>
#include <kj/exception.h>

#include "actors/statistics_codec.hpp"
#include "schemas/admin.capnp.h"
#include "schemas/envelope.hpp"

namespace troupe::actors {

namespace {

using schemas::envelope;

std::string string_of(capnp::Text::Reader from) { return std::string(schemas::view(from)); }

void set_words(const std::vector<std::string>& from, capnp::List<capnp::Text>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, schemas::text(from[i]));
}

/// Puts one kind of request into the message.
struct request_writer {
  schemas::ConsoleRequest::Builder& to;

  void operator()(console_question question) {
    switch (question) {
      case console_question::help: return to.setHelp();
      case console_question::actors: return to.setActors();
      case console_question::shards: return to.setShards();
      case console_question::log: return to.setLog();
      case console_question::peers: return to.setPeers();
    }
  }
  void operator()(const read_settings& wanted) {
    set_words(wanted.patterns, to.initReadSettings(static_cast<unsigned>(wanted.patterns.size())));
  }
  void operator()(const change_setting& wanted) {
    auto setting = to.initChangeSetting();
    setting.setName(schemas::text(wanted.name));
    setting.setValue(schemas::text(wanted.value));
  }
  void operator()(const ask_actor& wanted) {
    auto ask = to.initAsk();
    ask.setActor(schemas::text(wanted.actor));
    ask.setWhat(schemas::text(wanted.what));
  }
  void operator()(const tell_actor& wanted) {
    auto tell = to.initTell();
    tell.setActor(schemas::text(wanted.actor));
    tell.setWhat(schemas::text(wanted.what));
    tell.setSeconds(wanted.seconds);
  }
  void operator()(const tap_actor& wanted) { to.setTap(schemas::text(wanted.actor)); }
};

tapped_messages read(const schemas::TapAnswer::Reader& from) {
  tapped_messages all;
  all.missed = from.getMissed();
  for (const auto each : from.getMessages()) {
    all.lines.push_back(
        {each.getAtNs(), each.getTookNs(), string_of(each.getFrom()), string_of(each.getType())});
  }
  return all;
}

console_answer read(const schemas::ConsoleAnswer::Reader& from) {
  switch (from.which()) {
    case schemas::ConsoleAnswer::FAILED: return console_failed{string_of(from.getFailed())};
    case schemas::ConsoleAnswer::DONE: return console_done{string_of(from.getDone())};
    case schemas::ConsoleAnswer::COMMANDS: {
      std::vector<command_help> all;
      for (const auto each : from.getCommands()) {
        all.push_back({string_of(each.getUsage()), string_of(each.getSummary())});
      }
      return all;
    }
    case schemas::ConsoleAnswer::ACTORS:
      return actor_tree{actors::decode(from.getActors().getList()),
                        actors::decode(from.getActors().getNode())};
    case schemas::ConsoleAnswer::NODE: return actors::decode(from.getNode());
    case schemas::ConsoleAnswer::SETTINGS: {
      std::vector<name_and_value> all;
      for (const auto each : from.getSettings()) {
        all.emplace_back(string_of(each.getName()), string_of(each.getValue()));
      }
      return all;
    }
    case schemas::ConsoleAnswer::TAPPED: return read(from.getTapped());
  }
  return console_failed{"the node answers in a way that this console does not know"};
}

}  // namespace

std::string encode_request(std::uint64_t number, const console_request& request) {
  envelope<schemas::ConsoleRequest>::builder message;
  message->setNumber(number);
  std::visit(request_writer{*message}, request);
  return std::string(message.finish().bytes());
}

result<std::pair<std::uint64_t, console_answer>> decode_answer(std::string_view body) {
  const auto message = envelope<schemas::ConsoleAnswer>::copy_of(body);
  if (!message) return failure{errc::corrupt, "the answer is not a message"};
  try {
    const envelope<schemas::ConsoleAnswer>::reader answer(message);
    return std::pair<std::uint64_t, console_answer>(answer->getNumber(), read(*answer));
  } catch (const kj::Exception& why) {
    return failure{errc::corrupt,
                   fmt::format("the answer cannot be read: {}", why.getDescription().cStr())};
  }
}

}  // namespace troupe::actors
