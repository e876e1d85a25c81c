#include "program/prepared.h"

#include <algorithm>

namespace pk {

PreparedForm& PreparedForms::taken_form(std::list<PreparedForm>& forms, const Source& source) {
  auto form = std::find_if(forms.begin(), forms.end(), [&](const auto& f) { return f.version == source.version; });
  if (form == forms.end()) {
    form = std::find_if(forms.begin(), forms.end(), [](const auto& f) { return f.users == 0; });
    if (form == forms.end()) {
      PreparedForm fresh;
      fresh.data = Buffer(source.kernel->prepared_bytes);
      forms.push_front(std::move(fresh));
      form = forms.begin();
    }
    source.kernel->prepare(source.value, form->data.data());
    form->version = source.version;
  }
  ++form->users;
  return *form;
}

void PreparedForms::give_back(std::vector<PreparedForm*>& taken) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i] == nullptr) continue;
    --taken[i]->users;
    taken[i] = nullptr;
    std::list<PreparedForm>& forms = forms_[i];
    if (forms.size() == 1) continue;
    const auto newest = std::max_element(forms.begin(), forms.end(),
                                         [](const auto& a, const auto& b) { return a.version < b.version; });
    const std::uint64_t version = newest->version;
    forms.remove_if([version](const PreparedForm& f) { return f.users == 0 && f.version != version; });
  }
}

}  // namespace pk
