#include "tests/sim/disk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "storage/base/ensure.hpp"
#include "tests/sim/disk_commit_queue.hpp"
#include "tests/sim/disk_file.hpp"

namespace troupe::sim {

namespace {

std::string normal(const std::string& path) {
  auto text = std::filesystem::path(path).lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

failure no_such(std::string_view kind, const std::string& path) {
  return {errc::not_found, fmt::format("{} {} does not exist", kind, path)};
}

failure failed(std::string_view action, const std::string& path) {
  return {errc::io_failed, fmt::format("{} {}: simulated input/output error", action, path)};
}

failure full(std::string_view action, const std::string& path) {
  return {errc::no_space, fmt::format("{} {}: the simulated disk is full", action, path)};
}

failure powerless(const std::string& path) {
  return {errc::io_failed, fmt::format("{}: the simulated machine has no power", path)};
}

}  // namespace

disk::disk(disk_options options)
    : options_(options), random_(options.seed), capacity_bytes_(options.capacity_bytes) {}

// Files

result<std::unique_ptr<io::file>> disk::open(const std::string& path, io::access mode) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  auto image = names_.find(name);
  if (!image && mode == io::access::write) {
    TRY(image, create(name));
  }
  if (!image) return no_such("file", name);
  return std::unique_ptr<io::file>(std::make_unique<disk_file>(*this, image, name, mode));
}

result<void> disk::create_zeroed(const std::string& path, std::uint64_t size) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY_VOID(require_directory(parent_of(name)));
  if (names_.find(name)) {
    return failure{errc::refused, fmt::format("{} exists already", name)};
  }
  const auto outcome = begin_write();
  if (outcome == verdict::fail || outcome == verdict::fail_partial) return failed("create", name);
  if (outcome == verdict::no_space || outcome == verdict::no_space_partial || size > bytes_free()) {
    return full("create", name);
  }
  auto image = std::make_shared<disk_image>();
  image->grow(size, outcome == verdict::crash ? promise::none : promise::durable);
  names_.apply({"", name, std::move(image)});
  if (outcome != verdict::crash) return {};
  power_off();
  return powerless(name);
}

result<void> disk::replace(const std::string& path, std::string_view bytes) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  const auto temporary = name + ".new";
  auto outcome = replace_steps(name, temporary, bytes);
  if (!outcome && !crashed_) {
    if (auto image = names_.find(temporary)) names_.apply({temporary, "", std::move(image)});
  }
  return outcome;
}

result<void> disk::replace_steps(const std::string& path, const std::string& temporary,
                                 std::string_view bytes) {
  TRY_VOID(require_power(path));
  TRY(const auto image, create(temporary));
  TRY_VOID(write(*image, temporary, 0, bytes, promise::none));
  TRY_VOID(sync(*image, temporary));
  TRY_VOID(change_names("rename", {temporary, path, image}));
  return sync_names(parent_of(path));
}

result<void> disk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard guard(mutex_);
  const auto source = normal(from);
  const auto target = normal(to);
  TRY_VOID(require_power(source));
  TRY(auto image, require_file(source));
  TRY_VOID(require_directory(parent_of(target)));
  return change_names("rename", {source, target, std::move(image)});
}

result<void> disk::remove(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY(auto image, require_file(name));
  return change_names("remove", {name, "", std::move(image)});
}

// Directories

result<void> disk::make_directories(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  if (names_.is_directory(name)) return {};
  for (auto at = name; !names_.is_directory(at); at = parent_of(at)) {
    if (names_.find(at)) return failure{errc::io_failed, at + " is not a directory"};
  }
  switch (begin_write()) {
    case verdict::fail:
    case verdict::fail_partial: return failed("create directory", name);
    case verdict::no_space:
    case verdict::no_space_partial: return full("create directory", name);
    case verdict::crash: {
      if (random_.one_in(2)) names_.add_directory(name);
      power_off();
      return powerless(name);
    }
    default: names_.add_directory(name); return {};
  }
}

result<void> disk::sync_directory(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY_VOID(require_directory(name));
  return sync_names(name);
}

result<std::vector<std::string>> disk::list(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY_VOID(require_directory(name));
  return names_.list(name);
}

result<bool> disk::exists(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  return names_.find(name) != nullptr || names_.is_directory(name);
}

result<std::uint64_t> disk::link_count(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY(const auto image, require_file(name));
  const auto& files = names_.files();
  const auto links = std::count_if(files.begin(), files.end(),
                                   [&](const auto& entry) { return entry.second == image; });
  return static_cast<std::uint64_t>(links);
}

result<std::uint64_t> disk::free_bytes(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY_VOID(require_directory(name));
  return bytes_free();
}

result<std::unique_ptr<io::directory_lock>> disk::lock_directory(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(path);
  TRY_VOID(require_power(name));
  TRY_VOID(require_directory(name));
  if (!locks_.insert(name).second) {
    return failure{errc::busy,
                   fmt::format("directory {0} is in use by another process ({0}/LOCK)", name)};
  }
  if (!names_.find(name + "/LOCK")) {
    names_.add_durable(name + "/LOCK", std::make_shared<disk_image>());
  }
  return std::unique_ptr<io::directory_lock>(std::make_unique<disk_lock>(*this, name));
}

result<std::unique_ptr<io::commit_queue>> disk::make_commit_queue(const std::string& like) {
  const std::lock_guard guard(mutex_);
  const auto name = normal(like);
  TRY_VOID(require_power(name));
  TRY_VOID(require_file(name));
  auto made = std::make_unique<disk_commit_queue>(*this);
  queues_.insert(made.get());
  return std::unique_ptr<io::commit_queue>(std::move(made));
}

std::size_t disk::end_commits() {
  const std::lock_guard guard(mutex_);
  std::size_t ended = 0;
  for (auto* queue : queues_) ended += queue->end() ? 1u : 0u;
  return ended;
}

// Steps that the calls above and the open files are made of

disk::verdict disk::begin_write() {
  ++write_points_;
  if (write_points_ == crash_point_) return verdict::crash;
  const auto planned = write_faults_.find(write_points_);
  if (planned == write_faults_.end()) return verdict::proceed;
  const auto fault = planned->second;
  write_faults_.erase(planned);
  switch (fault) {
    case write_fault::fail: return verdict::fail;
    case write_fault::fail_partial: return verdict::fail_partial;
    case write_fault::no_space: return verdict::no_space;
    case write_fault::lose: return verdict::lose;
    case write_fault::forget: return verdict::forget;
    case write_fault::no_space_partial: return verdict::no_space_partial;
  }
  return verdict::proceed;
}

result<void> disk::require_power(const std::string& path) const {
  if (crashed_) return powerless(path);
  return {};
}

result<void> disk::require_directory(const std::string& path) const {
  if (!names_.is_directory(path)) return no_such("directory", path);
  return {};
}

result<std::shared_ptr<disk_image>> disk::require_file(const std::string& path) const {
  auto image = names_.find(path);
  if (!image) return no_such("file", path);
  return image;
}

std::uint64_t disk::bytes_free() const {
  std::set<const disk_image*> counted;
  std::uint64_t used = 0;
  for (const auto& [path, image] : names_.files()) {
    if (counted.insert(image.get()).second) used += image->size();
  }
  return used < capacity_bytes_ ? capacity_bytes_ - used : 0;
}

result<std::shared_ptr<disk_image>> disk::create(const std::string& path) {
  TRY_VOID(require_directory(parent_of(path)));
  if (names_.is_directory(path)) return failure{errc::io_failed, path + " is a directory"};
  auto image = std::make_shared<disk_image>();
  TRY_VOID(change_names("create", {"", path, image}));
  return image;
}

result<void> disk::change_names(std::string_view action, name_change change) {
  const auto path = change.from.empty() ? change.to : change.from;
  switch (begin_write()) {
    case verdict::fail: return failed(action, path);
    case verdict::fail_partial:
      if (random_.one_in(2)) names_.apply(std::move(change));
      return failed(action, path);
    case verdict::no_space:
    case verdict::no_space_partial: return full(action, path);
    case verdict::crash:
      names_.apply(std::move(change));
      power_off();
      return powerless(path);
    default: names_.apply(std::move(change)); return {};
  }
}

result<void> disk::write(disk_image& image, const std::string& path, std::uint64_t offset,
                         std::string_view bytes, promise wanted) {
  auto outcome = begin_write();
  const auto end = offset + bytes.size();
  if (outcome == verdict::proceed && end > image.size() && end - image.size() > bytes_free()) {
    outcome = verdict::no_space;
  }
  switch (outcome) {
    case verdict::proceed: image.write(offset, bytes, wanted); return {};
    case verdict::forget: image.write(offset, bytes, promise::none); return {};
    case verdict::lose: return {};
    case verdict::crash:
      image.write(offset, bytes, promise::none);
      power_off();
      return powerless(path);
    case verdict::fail_partial:
    case verdict::no_space_partial: image.write_some(offset, bytes, random_); break;
    case verdict::fail:
    case verdict::no_space: break;
  }
  image.break_promises();
  const auto action = fmt::format("write {} bytes at {} of", bytes.size(), offset);
  const auto is_full = outcome == verdict::no_space || outcome == verdict::no_space_partial;
  return is_full ? full(action, path) : failed(action, path);
}

result<std::size_t> disk::read(const disk_image& image, const std::string& path,
                               std::uint64_t offset, std::span<char> into) {
  ++read_points_;
  if (read_faults_.erase(read_points_) == 0) return image.read(offset, into);
  const auto some = image.read(offset, into.first(random_.below(into.size() + 1)));
  return failed(fmt::format("read at {} (after {} bytes) of", offset, some), path);
}

result<void> disk::sync(disk_image& image, const std::string& path) {
  switch (begin_write()) {
    case verdict::proceed: image.promise_all(); return {};
    case verdict::lose:
    case verdict::forget: return {};
    case verdict::crash: power_off(); return powerless(path);
    case verdict::no_space:
    case verdict::no_space_partial: image.break_promises(); return full("sync", path);
    case verdict::fail:
    case verdict::fail_partial: break;
  }
  image.break_promises();
  return failed("sync", path);
}

result<void> disk::sync_names(const std::string& directory) {
  switch (begin_write()) {
    case verdict::proceed: names_.sync(directory); return {};
    case verdict::lose:
    case verdict::forget: return {};
    case verdict::crash: power_off(); return powerless(directory);
    case verdict::no_space:
    case verdict::no_space_partial: return full("sync directory", directory);
    case verdict::fail:
    case verdict::fail_partial: break;
  }
  return failed("sync directory", directory);
}

// Faults

void disk::power_off() {
  names_.resolve(random_);
  std::set<const disk_image*> resolved;
  for (const auto& [path, image] : names_.files()) {
    if (resolved.insert(image.get()).second) image->resolve(random_);
  }
  locks_.clear();
  crash_point_ = 0;
  ++generation_;
  crashed_ = true;
}

void disk::crash() {
  const std::lock_guard guard(mutex_);
  if (!crashed_) power_off();
}

void disk::crash_at_write(std::uint64_t n) {
  const std::lock_guard guard(mutex_);
  ENSURE(n > write_points_);
  crash_point_ = n;
}

void disk::restart() {
  const std::lock_guard guard(mutex_);
  for (const auto& [path, image] : names_.files()) image->mend();
  locks_.clear();
  crash_point_ = 0;
  ++generation_;
  crashed_ = false;
}

bool disk::crashed() const {
  const std::lock_guard guard(mutex_);
  return crashed_;
}

std::uint64_t disk::write_points() const {
  const std::lock_guard guard(mutex_);
  return write_points_;
}

std::uint64_t disk::read_points() const {
  const std::lock_guard guard(mutex_);
  return read_points_;
}

void disk::plan_write_fault(std::uint64_t n, write_fault fault) {
  const std::lock_guard guard(mutex_);
  ENSURE(n > write_points_);
  write_faults_[n] = fault;
}

void disk::plan_read_fault(std::uint64_t n) {
  const std::lock_guard guard(mutex_);
  ENSURE(n > read_points_);
  read_faults_.insert(n);
}

void disk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  capacity_bytes_ = bytes;
}

void disk::flip_bit(const std::string& path, std::uint64_t bit) {
  const std::lock_guard guard(mutex_);
  const auto image = names_.find(normal(path));
  ENSURE(image != nullptr);
  image->flip_bit(bit);
}

void disk::add_link(const std::string& path, const std::string& link) {
  const std::lock_guard guard(mutex_);
  auto image = names_.find(normal(path));
  ENSURE(image != nullptr);
  names_.add_durable(normal(link), std::move(image));
}

}  // namespace troupe::sim
