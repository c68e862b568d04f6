#include "tests/sim/disk_names.hpp"

#include <string_view>
#include <utility>

namespace troupe::sim {

namespace {

bool touches(const name_change& change, const std::set<std::string>& names) {
  return (!change.from.empty() && names.contains(change.from)) ||
         (!change.to.empty() && names.contains(change.to));
}

bool lies_in(const std::string& path, const std::string& directory) {
  return !path.empty() && parent_of(path) == directory;
}

}  // namespace

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool disk_names::is_directory(const std::string& path) const { return directories_.contains(path); }

void disk_names::add_directory(const std::string& path) {
  for (auto at = path; directories_.insert(at).second;) at = parent_of(at);
}

std::shared_ptr<disk_image> disk_names::find(const std::string& path) const {
  const auto found = live_.find(path);
  return found == live_.end() ? nullptr : found->second;
}

std::vector<std::string> disk_names::list(const std::string& directory) const {
  std::set<std::string> found;
  const auto add = [&](const std::string& path) {
    if (path != "." && path != "/" && parent_of(path) == directory) {
      found.insert(path.substr(path.rfind('/') + 1));
    }
  };
  for (const auto& path : directories_) add(path);
  for (const auto& [path, image] : live_) add(path);
  return {found.begin(), found.end()};
}

void disk_names::apply_to(map& names, const name_change& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.image;
}

void disk_names::apply(name_change change) {
  apply_to(live_, change);
  pending_.push_back(std::move(change));
}

void disk_names::add_durable(const std::string& path, std::shared_ptr<disk_image> image) {
  live_[path] = image;
  durable_[path] = std::move(image);
}

void disk_names::sync(const std::string& directory) {
  // Backwards, so that each change draws in the earlier ones of its names.
  std::set<std::string> drawn_in;
  std::vector<bool> becomes_durable(pending_.size());
  for (auto index = pending_.size(); index-- > 0;) {
    const auto& change = pending_[index];
    if (!lies_in(change.from, directory) && !lies_in(change.to, directory) &&
        !touches(change, drawn_in)) {
      continue;
    }
    becomes_durable[index] = true;
    drawn_in.insert(change.from);
    drawn_in.insert(change.to);
  }
  std::vector<name_change> left;
  for (std::size_t index = 0; index < pending_.size(); ++index) {
    if (becomes_durable[index]) {
      apply_to(durable_, pending_[index]);
    } else {
      left.push_back(std::move(pending_[index]));
    }
  }
  pending_ = std::move(left);
}

void disk_names::resolve(prng& random) {
  std::set<std::string> undone;
  for (const auto& change : pending_) {
    if (!touches(change, undone) && random.one_in(2)) {
      apply_to(durable_, change);
    } else {
      undone.insert(change.from);
      undone.insert(change.to);
    }
  }
  pending_.clear();
  live_ = durable_;
}

}  // namespace troupe::sim
