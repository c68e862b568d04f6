#include "tools/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "actors/version.hpp"
#include "tools/config_file.hpp"
#include "tools/settings.hpp"
#include "tools/suggestion.hpp"

namespace troupe::tools {

namespace {

constexpr std::string_view exit_codes =
    "Exit codes: 0 = done, 1 = failed while running, 2 = wrong command line or configuration.";
constexpr std::string_view console_exit_codes =
    "Exit codes: 0 = done, 1 = the node refused the command, 2 = wrong command line or command,\n"
    "3 = no link with the node: it cannot be reached, or has another cluster secret.";

/// What the flags of `serve` said, as text, in the order of settings().
struct serve_flags {
  std::string config_path;
  std::vector<std::string> texts = std::vector<std::string>(settings().size());
  std::vector<CLI::Option*> options;
};

void declare_serve(CLI::App& command, serve_flags& flags) {
  command.add_option("--config", flags.config_path, "TOML file of settings; flags win over it")
      ->type_name("FILE");
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const auto& one = settings()[i];
    const auto flag = fmt::format("--{}", one.key);
    CLI::Option* option = nullptr;
    if (one.placeholder.empty())
      option = command.add_flag(flag)->description(std::string(one.help));
    else
      option = command.add_option(flag, flags.texts[i], std::string(one.help))
                   ->type_name(std::string(one.placeholder));
    flags.options.push_back(option);
  }
  command.footer(
      "Port 0 picks a free port. Addresses are printed as `listening client=HOST:PORT`, "
      "then `ready`.\n" +
      std::string(exit_codes));
}

/// What the flags of `inspect` said.
struct inspect_flags {
  std::vector<std::string> paths;
  bool frames = false;
  bool records = false;

  [[nodiscard]] log::detail how_much() const {
    if (records) return log::detail::records;
    return frames ? log::detail::frames : log::detail::summary;
  }
};

void declare_inspect(CLI::App& command, inspect_flags& flags) {
  command.add_option("PATH", flags.paths, "data or shard directories, manifests, segments")
      ->required();
  command.add_flag("--frames", flags.frames, "list every commit frame");
  command.add_flag("--records", flags.records, "list every record");
  command.footer(std::string(exit_codes));
}

/// What the flags of `console` said.
struct console_flags {
  std::string where;
  std::string secret_path;
  std::vector<std::string> words;
  bool json = false;
};

void declare_console(CLI::App& command, console_flags& flags) {
  command.add_option("NODE", flags.where, "HOST:PORT, peer address of the node (127.0.0.1:17379)");
  command.add_option("COMMAND", flags.words, "a command and its words; none = a session");
  command.add_option("--cluster-secret", flags.secret_path, "file that holds the cluster secret")
      ->type_name("FILE");
  command.add_flag("--json", flags.json, "answers as JSON, one line each");
  command.footer("`help` lists the commands.\n" + std::string(console_exit_codes));
}

result<request> build_console(const console_flags& flags) {
  console_call call;
  if (!flags.where.empty()) {
    TRY(call.where, actors::parse_address(flags.where));
  }
  if (!flags.secret_path.empty()) {
    auto secret = read_secret(flags.secret_path);
    if (!secret) return secret.error().in("--cluster-secret");
    call.secret = std::move(*secret);
  }
  call.format = flags.json ? console_format::json : console_format::text;
  call.words = flags.words;
  return request(std::move(call));
}

/// All complaints about a configuration, one a line, each with the place where the setting was
/// given.
result<void> check(const actors::node_config& config, const setting_origins& origins) {
  std::string all;
  for (const auto& [key, what] : config.complaints()) {
    const auto origin = origins.find(key);
    all += all.empty() ? "" : "\n";
    all += fmt::format("{}: {}", origin == origins.end() ? key : origin->second, what);
  }
  if (all.empty()) return {};
  return failure{errc::refused, std::move(all)};
}

result<request> build_serve(const serve_flags& flags, const actors::machine& host) {
  auto config = actors::node_config::defaults_for(host);
  setting_origins origins;
  if (!flags.config_path.empty()) TRY_VOID(apply_config_file(flags.config_path, config, origins));
  config.config_file = flags.config_path;
  for (std::size_t i = 0; i < settings().size(); ++i) {
    if (flags.options[i]->count() == 0) continue;
    const auto& one = settings()[i];
    const auto flag = fmt::format("--{}", one.key);
    const auto applied = one.apply(config, flags.options[i]->results().back());
    if (!applied) return applied.error().in(flag);
    origins[std::string(one.key)] = flag;
  }
  if (!origins.contains("client-memory")) {
    config.client_memory_bytes = actors::node_config::default_client_memory(host, config.reactors);
  }
  TRY_VOID(check(config, origins));
  return request(serve_request{std::move(config)});
}

/// Refuses the first argument that nothing declared, with a suggestion.
result<void> check_remaining(const CLI::App& command) {
  const auto remaining = command.remaining();
  if (remaining.empty()) return {};
  const auto& first = remaining.front();
  if (!first.starts_with("-"))
    return failure{errc::refused, fmt::format("unexpected argument '{}'", first)};
  std::vector<std::string> names{"--help"};
  for (const auto* option : command.get_options())
    names.push_back("--" + option->get_single_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto flag = first.substr(0, first.find('='));
  return failure{errc::refused, fmt::format("unknown flag '{}'{}", flag, suggestion(flag, views))};
}

result<void> check_subcommand(const CLI::App& app) {
  const auto remaining = app.remaining();
  if (remaining.empty())
    return failure{errc::refused, "name a subcommand: serve, console or inspect"};
  constexpr std::string_view names[] = {"serve", "console", "inspect", "--help", "--version"};
  return failure{errc::refused, fmt::format("unknown subcommand '{}'{}", remaining.front(),
                                            suggestion(remaining.front(), names))};
}

}  // namespace

result<request> parse_command_line(std::span<const std::string> arguments,
                                   const actors::machine& host) {
  CLI::App app("Troupe, a distributed storage node that speaks the Redis protocol.", "troupe");
  const auto version = fmt::format("troupe {}", actors::version());
  app.set_version_flag("--version", version);
  app.allow_extras();
  app.footer(std::string(exit_codes));

  auto* const serve = app.add_subcommand("serve", "run a node");
  serve_flags flags;
  declare_serve(*serve, flags);
  auto* const inspect =
      app.add_subcommand("inspect", "describe and check files of a data directory");
  inspect_flags looks;
  declare_inspect(*inspect, looks);
  auto* const console = app.add_subcommand("console", "show and steer a running node");
  console_flags asks;
  declare_console(*console, asks);

  try {
    // The library wants them in reverse order.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return request(print_request{app.help()});
  } catch (const CLI::CallForVersion&) {
    return request(print_request{version + "\n"});
  } catch (const CLI::ParseError& error) {
    return failure{errc::refused, error.what()};
  }
  if (serve->parsed()) {
    TRY_VOID(check_remaining(*serve));
    return build_serve(flags, host);
  }
  if (inspect->parsed()) {
    TRY_VOID(check_remaining(*inspect));
    return request(inspect_request{looks.paths, looks.how_much()});
  }
  if (console->parsed()) {
    TRY_VOID(check_remaining(*console));
    return build_console(asks);
  }
  TRY_VOID(check_subcommand(app));
  return failure{errc::refused, "name a subcommand: serve, console or inspect"};
}

}  // namespace troupe::tools
