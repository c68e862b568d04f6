#include "actors/admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/config_commands.hpp"
#include "actors/console_codec.hpp"
#include "actors/console_commands.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/statistics_codec.hpp"

namespace troupe::actors {

namespace {

constexpr auto answer_deadline = std::chrono::seconds(5);

using promise = caf::typed_response_promise<envelope<schemas::ConsoleAnswer>>;
using answer_builder = envelope<schemas::ConsoleAnswer>::builder;

/// One command under way; copies share the promise.
struct asker {
  promise to;
  std::uint64_t number = 0;

  void fail(std::string_view why) { to.deliver(encode_failed(number, why)); }
  void deliver(answer_builder& answer) {
    answer->setNumber(number);
    to.deliver(answer.finish());
  }
  void done(const std::string& what) {
    answer_builder answer;
    answer->setDone(schemas::text(what));
    deliver(answer);
  }
  void settings(const std::vector<name_and_value>& all) {
    answer_builder answer(256 + all.size() * 96);
    auto list = answer->initSettings(static_cast<unsigned>(all.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setName(schemas::text(all[i].first));
      list[i].setValue(schemas::text(all[i].second));
    }
    deliver(answer);
  }
};

class admin_state {
 public:
  static constexpr const char* name = "admin";

  admin_state(admin_actor::pointer self, admin_parts parts)
      : self_(self), parts_(std::move(parts)) {}

  admin_actor::behavior_type make_behavior() {
    return {[this](const envelope<schemas::ConsoleRequest>& request) { return take(request); }};
  }

 private:
  promise take(const envelope<schemas::ConsoleRequest>& request) {
    asker who{self_->make_response_promise<envelope<schemas::ConsoleAnswer>>(),
              console_number(request).value_or(0)};
    const auto wanted = decode(request);
    if (wanted) {
      std::visit([&](const auto& what) { run(who, what); }, *wanted);
    } else {
      who.fail(wanted.error().message);
    }
    return who.to;
  }

  void run(asker who, console_question question) {
    switch (question) {
      case console_question::help: return help(who);
      case console_question::actors: return list_actors(who);
      case console_question::shards:
      case console_question::log:
      case console_question::peers:
        return ask_metrics(who, [who](const schemas::NodeStatistics::Reader& all) mutable {
          answer_builder answer(all.totalSize().wordCount * 8 + 256);
          answer->setNode(all);
          who.deliver(answer);
        });
    }
  }

  static void help(asker who) {
    const auto all = console_commands();
    answer_builder answer(256 + all.size() * 192);
    auto list = answer->initCommands(static_cast<unsigned>(all.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setUsage(schemas::text(std::string(all[i].usage)));
      list[i].setSummary(schemas::text(std::string(all[i].summary)));
    }
    who.deliver(answer);
  }

  void list_actors(asker who) {
    const auto finish = [this, who](const envelope<schemas::ActorList>& list) {
      ask_metrics(who, [who, list](const schemas::NodeStatistics::Reader& all) mutable {
        const envelope<schemas::ActorList>::reader from(list);
        answer_builder answer((all.totalSize().wordCount + list.words()) * 8 + 256);
        answer->initActors().setList(from->getActors());
        answer->getActors().setNode(all);
        who.deliver(answer);
      });
    };
    ask_actors(who, finish);
  }

  void run(asker who, const read_settings& wanted) {
    envelope<schemas::GatewayRequest>::builder request(256 + wanted.patterns.size() * 64);
    auto patterns = request->initReadSettings(static_cast<unsigned>(wanted.patterns.size()));
    for (unsigned i = 0; i < patterns.size(); ++i) {
      patterns.set(i, schemas::text(wanted.patterns[i]));
    }
    ask<schemas::GatewayAnswer>(who, parts_.gateways.front(), request.finish(),
                                [who](const schemas::GatewayAnswer::Reader& from) mutable {
                                  answer_builder answer(256 + from.totalSize().wordCount * 8);
                                  answer->setSettings(from.getSettings());
                                  who.deliver(answer);
                                });
  }

  /// The gateways decide alike, so one refusal is that of all.
  void run(asker who, const change_setting& wanted) {
    const auto setting_name = lower_case(wanted.name);
    if (const auto why = refuse_to_change(setting_name)) return who.fail(*why);
    envelope<schemas::GatewayRequest>::builder request(256 + wanted.value.size());
    auto setting = request->initConfigure();
    setting.setName(schemas::text(setting_name));
    setting.setValue(schemas::text(wanted.value));
    const auto order = request.finish();
    struct gathered {
      std::size_t missing;
      std::string refused;
    };
    auto all = std::make_shared<gathered>(gathered{parts_.gateways.size(), {}});
    auto finish = [who, all, setting_name](std::string refused) mutable {
      if (!refused.empty()) all->refused = std::move(refused);
      if (--all->missing > 0) return;
      if (!all->refused.empty()) return who.fail(fmt::format("{}: {}", setting_name, all->refused));
      who.done(fmt::format("{} is changed", setting_name));
    };
    for (const auto& gateway : parts_.gateways) {
      self_->request(gateway, answer_deadline, order)
          .then(
              [finish](const envelope<schemas::GatewayAnswer>& message) mutable {
                const envelope<schemas::GatewayAnswer>::reader from(message);
                finish(std::string(schemas::view(from->getRefused())));
              },
              [finish](const caf::error&) mutable { finish("a gateway did not answer in time"); });
    }
  }

  void run(asker who, const ask_actor& wanted) {
    if (wanted.what != "status") {
      return who.fail(
          fmt::format("'{}' is nothing that an actor can be asked: status", wanted.what));
    }
    ask_actors(who, [this, who, wanted](const envelope<schemas::ActorList>& list) mutable {
      const envelope<schemas::ActorList>::reader from(list);
      for (const auto& each : actors::decode(from->getActors())) {
        if (each.name == wanted.actor) return tell_status(who, each);
      }
      who.fail(fmt::format("there is no actor '{}': actors lists them", wanted.actor));
    });
  }

  /// What every actor counts, and for a shard what it counts by itself.
  void tell_status(asker who, const actor_figures& one) {
    std::vector<name_and_value> all{{"actor", one.name},
                                    {"place", one.place},
                                    {"state", one.state},
                                    {"mailbox", std::to_string(one.mailbox)},
                                    {"messages", std::to_string(one.messages)},
                                    {"busy_us", std::to_string(one.busy_us)},
                                    {"restarts", std::to_string(one.restarts)}};
    const auto shard = shard_named(one.name);
    if (!shard) return who.settings(all);
    ask<schemas::ShardStatistics>(
        who, *shard, envelope<schemas::StatisticsRequest>::builder().finish(),
        [who, all](const schemas::ShardStatistics::Reader& from) mutable {
          const auto now = actors::decode(from);
          const auto add = [&](const char* what, std::uint64_t value) {
            all.emplace_back(what, std::to_string(value));
          };
          add("keys", now.keys);
          add("appended_lsn", now.appended.value);
          add("durable_lsn", now.durable.value);
          add("epoch", now.epoch.value);
          add("queued_bytes", now.queued_bytes);
          add("commits", now.commits);
          add("cold_reads", now.cold_reads);
          all.emplace_back("log", now.poisoned ? "failed" : now.disk_full ? "disk full" : "ok");
          who.settings(all);
        });
  }

  void run(asker who, const tell_actor& wanted) {
    const auto shard = shard_named(wanted.actor);
    if (!shard) {
      return who.fail(fmt::format("'{}' cannot be told anything: shard/0 to shard/{} can",
                                  wanted.actor, parts_.shards.size() - 1));
    }
    envelope<schemas::SteerShard>::builder order;
    if (wanted.what == "flush") {
      order->setFlush();
    } else if (wanted.what == "pause") {
      order->setPauseSeconds(std::clamp(wanted.seconds, 1u, pause_seconds_max));
    } else if (wanted.what == "resume") {
      order->setResume();
    } else {
      return who.fail(fmt::format("'{}' is no order: flush, pause or resume", wanted.what));
    }
    ask<schemas::ShardSteered>(
        who, *shard, order.finish(),
        [who, wanted](const schemas::ShardSteered::Reader& from) mutable {
          if (from.hasFailed()) {
            return who.fail(fmt::format("{}: {}", wanted.actor, schemas::view(from.getFailed())));
          }
          if (wanted.what == "flush") {
            return who.done(
                fmt::format("{}: on disk up to LSN {}", wanted.actor, from.getDurable()));
          }
          if (wanted.what == "resume") return who.done(fmt::format("{}: goes on", wanted.actor));
          who.done(fmt::format("{}: paused, goes on by itself after {} s", wanted.actor,
                               wanted.seconds));
        });
  }

  void run(asker who, const tap_actor& wanted) {
    envelope<schemas::TapRequest>::builder request(256 + wanted.actor.size());
    request->setActor(schemas::text(wanted.actor));
    ask<schemas::TapAnswer>(who, parts_.node, request.finish(),
                            [who](const schemas::TapAnswer::Reader& from) mutable {
                              if (from.hasFailed())
                                return who.fail(schemas::view(from.getFailed()));
                              answer_builder answer(256 + from.totalSize().wordCount * 8);
                              answer->setTapped(from);
                              who.deliver(answer);
                            });
  }

  /// Asks one actor; `then` gets the answer's reader, the operator a word if there is none in time.
  template <class Answer, class Handle, class Request, class Then>
  void ask(asker who, const Handle& whom, const Request& request, Then then) {
    self_->request(whom, answer_deadline, request)
        .then(
            [then](const envelope<Answer>& message) mutable {
              const typename envelope<Answer>::reader from(message);
              then(*from);
            },
            [who](const caf::error&) mutable { who.fail("the node did not answer in time"); });
  }
  template <class Then>
  void ask_metrics(asker who, Then then) {
    ask<schemas::NodeStatistics>(who, parts_.metrics,
                                 envelope<schemas::StatisticsRequest>::builder().finish(),
                                 std::move(then));
  }
  template <class Then>
  void ask_actors(asker who, Then then) {
    self_
        ->request(parts_.node, answer_deadline,
                  envelope<schemas::ActorsRequest>::builder().finish())
        .then([then](const envelope<schemas::ActorList>& list) mutable { then(list); },
              [who](const caf::error&) mutable { who.fail("the node did not answer in time"); });
  }

  /// "shard/3".
  [[nodiscard]] std::optional<shard_actor> shard_named(std::string_view actor) const {
    constexpr std::string_view kind = "shard/";
    if (!actor.starts_with(kind)) return std::nullopt;
    const auto digits = actor.substr(kind.size());
    std::size_t index = 0;
    const auto* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, index);
    if (error != std::errc{} || stopped != end || index >= parts_.shards.size()) {
      return std::nullopt;
    }
    return parts_.shards[index];
  }

  static std::string lower_case(std::string text) {
    for (auto& each : text) {
      if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    }
    return text;
  }

  admin_actor::pointer self_;
  admin_parts parts_;
};

}  // namespace

admin_actor spawn_admin(caf::actor_system& system, admin_parts parts) {
  return system.spawn<runtime::hosted<admin_state, admin_actor>>(std::move(parts));
}

}  // namespace troupe::actors
