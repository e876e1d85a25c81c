#include "op_examples.h"

#include <sstream>

#include "base/error.h"
#include "kernels/functions.h"

namespace pk {

namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

DType dtype_of_code(const std::string& code) {
  const std::vector<std::pair<std::string, DType>> codes = {{"f32", DType::f32}, {"f64", DType::f64},
                                                            {"i32", DType::i32}, {"i64", DType::i64},
                                                            {"u8", DType::u8},   {"bool", DType::boolean}};
  for (const auto& [name, dtype] : codes) {
    if (name == code) return dtype;
  }
  fail("no dtype is called " + code);
}

std::vector<ValueType> types(const std::string& text) {
  std::vector<ValueType> found;
  for (const std::string& part : split(text, ';')) {
    const std::string value = trimmed(part);
    if (value.empty()) continue;
    const auto space = value.find(' ');
    ValueType type{dtype_of_code(value.substr(0, space)), {}};
    if (space != std::string::npos) {
      for (const std::string& extent : split(value.substr(space + 1), ',')) type.shape.push_back(std::stoll(extent));
    }
    found.push_back(type);
  }
  return found;
}

AttrValue attribute(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (text[0] == '[') {
    std::vector<int64_t> items;
    for (const std::string& item : split(text.substr(1, text.size() - 2), ',')) items.push_back(std::stoll(item));
    return items;
  }
  if (text.find_first_not_of("-0123456789") == std::string::npos) return int64_t{std::stoll(text)};
  if (text.find_first_not_of("-.e0123456789") == std::string::npos) return std::stod(text);
  return text;
}

void add_elementwise(std::vector<OpExample>& all) {
  for (const FunctionRow& row : unary_rows) {
    all.push_back({row.name, "f32 3,5 -> f32 3,5"});
    all.push_back({row.name, "f64 7 -> f64 7"});
    if (row.dtypes == Dtypes::numbers) all.push_back({row.name, "i32 3,5 -> i32 3,5"});
  }
  for (const char* name : predicate_names) {
    all.push_back({name, "f32 3,5 -> bool 3,5"});
    all.push_back({name, "i64 3,5 -> bool 3,5"});
  }
  for (const FunctionRow& row : binary_rows) {
    all.push_back({row.name, "f32 3,5; f32 5 -> f32 3,5"});
    all.push_back({row.name, "f64 2,1,3; f64 1,4,1 -> f64 2,4,3"});
    if (row.dtypes == Dtypes::numbers) all.push_back({row.name, "i32 40,5; i32 -> i32 40,5"});
  }
  for (const char* name : compare_names) {
    all.push_back({name, "f32 3,5; f32 5 -> bool 3,5"});
    all.push_back({name, "u8 2,1,3; u8 1,4,1 -> bool 2,4,3"});
  }
  all.insert(all.end(), {{"clip", "f32 3,5 -> f32 3,5 | min=-1.5 max=2.0"},
                         {"clip", "i32 9 -> i32 9 | min=0 max=7"},
                         {"activation", "f32 3,5 -> f32 3,5 | activation=leaky_relu alpha=0.2"},
                         {"activation_grad", "f64 3,5; f64 3,5 -> f64 3,5 | activation=gelu"},
                         {"where", "bool 3,1; f32 5; f32 3,5 -> f32 3,5"},
                         {"cast", "f32 3,5 -> i64 3,5"},
                         {"cast", "u8 9 -> f32 9"}});
}

void add_layout(std::vector<OpExample>& all) {
  all.insert(all.end(), {{"reshape", "f32 3,4 -> f32 2,6"},
                         {"broadcast_to", "f32 3,1 -> f32 2,3,5"},
                         {"transpose", "f32 2,3,5 -> f32 5,2,3 | axes=[2,0,1]"},
                         {"transpose", "u8 20,30 -> u8 30,20 | axes=[1,0]"},
                         {"slice", "f32 5,6 -> f32 2,3 | start=[1,5] step=[2,-2]"},
                         {"slice_grad", "f32 2,3 -> f32 5,6 | start=[1,5] step=[2,-2]"},
                         {"concatenate", "f32 2,3; f32 2,2 -> f32 2,5 | axis=1"},
                         {"pad", "f32 2,3 -> f32 4,6 | before=[1,0] value=7.5"},
                         {"fill", "-> i32 3,5 | value=3"},
                         {"one_hot", "i32 4 -> f32 4,3"},
                         {"take", "f32 6,3; i32 2,2 -> f32 2,2,3"},
                         {"take", "f32 6,3; i32 2,2 -> f32 2,2,3 | zeros=true"},
                         {"take_grad", "f32 2,2,3; i32 2,2 -> f32 6,3"},
                         {"take_grad", "i32 2,2,3; i32 2,2 -> i32 6,3"},
                         {"assign", "f32 3,5 -> f32 3,5"},
                         {"assign_add", "f64 3,5 -> f64 3,5"}});
}

void add_reductions(std::vector<OpExample>& all) {
  for (const char* name : {"sum", "mean", "max", "min", "prod"}) {
    all.push_back({name, "f32 2,3,5 -> f32 2,5 | axes=[1]"});
    all.push_back({name, "f64 2,3,5 -> f64 | axes=[0,1,2]"});
    if (std::string(name) != "mean") all.push_back({name, "i32 4,3 -> i32 4,1 | axes=[1]"});
  }
  for (const char* name : {"any", "all"}) all.push_back({name, "bool 2,3,5 -> bool 2,5 | axes=[1]"});
  for (const char* name : {"argmax", "argmin"}) {
    all.push_back({name, "f32 2,3,5 -> i32 2,5 | axis=1"});
    all.push_back({name, "i64 4,7 -> i32 4 | axis=-1"});
  }
  for (const char* name : {"softmax", "log_softmax"}) {
    all.push_back({name, "f32 3,5 -> f32 3,5"});
    all.push_back({std::string(name) + "_grad", "f64 3,17; f64 3,17 -> f64 3,17"});
  }
}

void add_order(std::vector<OpExample>& all) {
  all.insert(all.end(), {{"sort", "f32 3,7 -> f32 3,7"},
                         {"sort", "bool 5 -> bool 5"},
                         {"argsort", "f64 2,3,5 -> i32 2,3,5"},
                         {"argsort", "u8 9 -> i32 9"},
                         {"take_along_axis", "f32 2,3,5; i32 2,3,2 -> f32 2,3,2"},
                         {"take_along_axis_grad", "f32 2,3,2; i32 2,3,2 -> f32 2,3,5"},
                         {"cumsum", "f32 2,3,5 -> f32 2,3,5 | axis=1 reverse=true"},
                         {"cumsum", "i64 9 -> i64 9 | axis=0"},
                         {"cumprod", "i32 2,3 -> i32 2,3 | axis=0"},
                         {"cumprod_grad", "f32 2,3,5; f32 2,3,5 -> f32 2,3,5 | axis=1"}});
}

void add_matmul_and_losses(std::vector<OpExample>& all) {
  all.insert(
      all.end(),
      {{"matmul", "f32 3,4; f32 4,5; f32 5 -> f32 3,5; f32 3,5 | activation=gelu"},
       {"matmul", "f64 2,4,3; f64 2,5,4 -> f64 2,3,5 | transpose_a=true transpose_b=true"},
       {"matmul", "f32 1,40; f32 40,1 -> f32 1,1"},
       {"matmul_update", "f32 8,3; f32 8,5; f32 -> f32 3,5 | transpose_a=true update=sgd momentum=0.0 nesterov=false"},
       {"matmul_update",
        "f64 8,3; f64 8,5; f32; i64 -> f64 3,5; f64 3,5; f64 3,5 | transpose_a=true update=adam beta_1=0.9 "
        "beta_2=0.99 epsilon=1.0e-7 amsgrad=false"},
       {"sgd_update", "f32 3,5; f32 -> f32 3,5; f32 3,5 | momentum=0.9 nesterov=true"},
       {"rmsprop_update",
        "f32 9; f32 -> f32 9; f32 9; f32 9; f32 9 | rho=0.9 momentum=0.5 epsilon=1.0e-7 centered=true"},
       {"adam_update",
        "f64 9; f32; i64 -> f64 9; f64 9; f64 9; f64 9 | beta_1=0.9 beta_2=0.99 epsilon=1.0e-7 amsgrad=true"},
       {"adagrad_update", "f32 9; f32 -> f32 9; f32 9 | epsilon=1.0e-7 weight_decay=0.1"},
       {"adadelta_update", "f32 3,5; f32 -> f32 3,5; f32 3,5; f32 3,5 | rho=0.9 epsilon=1.0e-7"},
       {"adamax_update", "f32 9; f32; i64 -> f32 9; f32 9; f32 9 | beta_1=0.9 beta_2=0.99 epsilon=1.0e-7"},
       {"nadam_update",
        "f64 9; f32; i64; f64 -> f64 9; f64 9; f64 9 | beta_1=0.9 beta_2=0.99 epsilon=1.0e-7 schedule=1.0"},
       {"lion_update", "f32 17; f32 -> f32 17; f32 17 | beta_1=0.9 beta_2=0.99"},
       {"ftrl_update",
        "f32 9; f32 -> f32 9; f32 9; f32 9 | learning_rate_power=-0.4 l1=0.1 l2=0.1 l2_shrinkage=0.1 beta=0.1"},
       {"schedule_free_update",
        "f32 9; f32; i64 -> f32 9; f32 9; f32 9 | beta_1=0.9 beta_2=0.99 epsilon=1.0e-7 warmup_steps=2.0"},
       {"in_top_k", "i32 4; f32 4,6 -> bool 4 | k=2"},
       {"ctc_loss", "i32 3,4; f32 3,7,5; i32 3; i32 3 -> f32 3 | mask_index=0"},
       {"ctc_loss_grad", "i32 3,4; f64 3,7,5; i32 3; i32 3; f64 3 -> f64 3,7,5 | mask_index=1"},
       {"top_k", "f32 4,6 -> f32 4,2; i32 4,2 | k=2"},
       {"confusion_counts", "f32 7,2; f32 7,2; f32 3 -> f32 3,2; f32 3,2; f32 3,2; f32 3,2 | even=true"},
       {"confusion_counts",
        "f64 7,1; f64 7,1; f64 7,1; f64 2 -> f64 2,1; f64 2,1; f64 2,1; f64 2,1 | even=false weights=true"}});
  for (const char* kind : {"categorical", "sparse_categorical", "binary"}) {
    const std::string name = std::string(kind) + "_crossentropy";
    const std::string target = std::string(kind) == "sparse_categorical" ? "i32 4" : "f32 4,6";
    const std::string fused = (std::string(kind) == "binary" ? "sigmoid_" : "softmax_") + name + "_grad";
    all.push_back({name, target + "; f32 4,6 -> f32 4 | from_logits=true epsilon=1.0e-7"});
    all.push_back({name, target + "; f32 4,6 -> f32 4 | from_logits=false epsilon=1.0e-7"});
    all.push_back({name + "_grad", target + "; f32 4,6; f32 4 -> f32 4,6 | from_logits=true epsilon=1.0e-7"});
    all.push_back({name + "_grad", target + "; f32 4,6; f32 4 -> f32 4,6 | from_logits=false epsilon=1.0e-7"});
    all.push_back({fused, target + "; f32 4,6; f32 4 -> f32 4,6 | epsilon=1.0e-7"});
  }
  for (const char* name : {"mean_squared_error", "mean_absolute_error"}) {
    all.push_back({name, "f32 2,4,6; f32 2,4,6 -> f32 2,4"});
    all.push_back({std::string(name) + "_grad", "f64 4,6; f64 4,6; f64 4 -> f64 4,6"});
  }
  all.insert(all.end(), {{"dropout", "f32 3,5 -> f32 3,5 | rate=0.5 stream=3"},
                         {"random_uniform", "-> f32 3,5 | minval=-1.0 maxval=2.0 stream=3 seed=7"},
                         {"random_normal", "-> f64 3,5 | mean=0.0 stddev=2.0 truncated=true stream=3"}});
}

void add_images(std::vector<OpExample>& all) {
  const std::string conv = "strides=[2,1] pads=[1,1,0,1] dilation=[1,1]";
  const std::string same = "strides=[1,1] pads=[1,1,1,1] dilation=[1,1]";
  const std::string pool = " | window=[2,3] strides=[2,1] pads=[0,1,1,1]";
  all.insert(
      all.end(),
      {{"conv2d",
        "f32 2,7,6,4; f32 3,2,2,6; f32 6; f32 6 -> f32 2,4,6,6; f32 2,4,6,6 | groups=2 scale=true bias=true "
        "activation=relu " +
            conv},
       {"conv2d", "f64 2,7,6,4; f64 3,2,4,6 -> f64 2,4,6,6 | " + conv},
       {"conv2d", "f32 2,9,8,16; f32 3,3,16,16 -> f32 2,9,8,16 | algorithm=winograd2 " + same},
       {"conv2d", "f32 2,9,8,16; f32 3,3,16,16 -> f32 2,9,8,16 | algorithm=winograd4 " + same},
       {"conv2d", "f32 2,9,8,16; f32 1,1,16,16 -> f32 2,9,8,16 | algorithm=gemm"},
       {"conv2d", "f32 2,9,8,16; f32 1,1,16,16 -> f32 2,9,8,16"},
       {"conv2d_backward_input",
        "f32 2,4,6,6; f32 3,2,4,6; f32 4; f32 4; f32 2,7,6,4 -> f32 2,7,6,4 | scale=true bias=true mask=true " + conv},
       {"conv2d_backward_input", "f32 2,9,8,16; f32 3,3,16,16 -> f32 2,9,8,16 | algorithm=winograd4 " + same},
       {"conv2d_backward_weights", "f32 2,7,6,4; f32 2,4,6,6 -> f32 3,2,4,6; f32 6 | " + conv},
       {"conv2d_backward_weights", "f32 2,9,8,16; f32 2,9,8,16 -> f32 3,3,16,16 | algorithm=winograd2 " + same},
       {"conv2d_max_pool2d",
        "f32 2,9,8,16; f32 3,3,16,16; f32 16 -> f32 2,4,4,16; u8 2,4,4,16 | height=9 width=8 bias=true "
        "activation=relu " +
            same},
       {"depthwise_conv2d",
        "f32 2,7,6,4; f32 3,2,4,2; f32 8; f32 8 -> f32 2,4,6,8 | scale=true bias=true activation=relu6 " + conv},
       {"depthwise_conv2d", "f32 2,9,8,16; f32 3,3,16,1 -> f32 2,9,8,16 | " + same},
       {"depthwise_conv2d_backward_input",
        "f32 2,9,8,16; f32 3,3,16,1; f32 2,9,8,16 -> f32 2,9,8,16 | mask=true " + same},
       {"depthwise_conv2d_backward_weights", "f32 2,7,6,4; f32 2,4,6,8 -> f32 3,2,4,2; f32 8 | " + conv},
       {"max_pool2d", "f32 2,7,6,4 -> f32 2,4,6,4; u8 2,4,6,4" + pool},
       {"max_pool2d", "f32 2,8,8,16 -> f32 2,4,4,16 | window=[2,2] strides=[2,2] pads=[0,0,0,0]"},
       {"max_pool2d_grad", "u8 2,4,6,4; f32 2,4,6,4 -> f32 2,7,6,4" + pool},
       {"max_pool2d_grad", "u8 2,4,4,16; f32 2,4,4,16 -> f32 2,8,8,16 | window=[2,2] strides=[2,2] pads=[0,0,0,0]"},
       {"max_pool2d_grad", "i32 1,1,1,3; f64 1,1,1,3 -> f64 1,20,20,3 | window=[20,20] strides=[1,1] pads=[0,0,0,0]"},
       {"average_pool2d", "f32 2,7,6,4 -> f32 2,4,6,4" + pool},
       {"average_pool2d_grad", "f64 2,4,6,4 -> f64 2,7,6,4" + pool},
       {"batch_norm", "f32 2,5,6; f32 6; f32 6 -> f32 2,5,6; f32 6; f32 6 | epsilon=0.001"},
       {"batch_norm_grad", "f32 10,6; f32 6; f32 6; f32 6; f32 10,6 -> f32 10,6; f32 6; f32 6 | epsilon=0.001"},
       {"scale_shift", "f32 2,5,6; f32 6; f32 6 -> f32 2,5,6 | activation=elu alpha=1.0"},
       {"layer_norm", "f32 4,9; f32 9; f32 9 -> f32 4,9; f32 4; f32 4 | epsilon=0.001"},
       {"layer_norm_grad", "f64 4,9; f64 9; f64 4; f64 4; f64 4,9 -> f64 4,9; f64 9; f64 9"},
       {"group_norm", "f32 2,5,6; f32 6; f32 6 -> f32 2,5,6; f32 2,3; f32 2,3 | groups=3 epsilon=0.001"},
       {"group_norm_grad", "f32 2,5,6; f32 6; f32 2,3; f32 2,3; f32 2,5,6 -> f32 2,5,6; f32 6; f32 6 | groups=3"},
       {"resize", "f32 2,5,6,3 -> f32 2,9,4,3 | method=bicubic antialias=true"},
       {"resize", "u8 2,5,6,3 -> u8 2,9,4,3 | method=nearest antialias=false"},
       {"resize_grad", "f32 2,9,4,3 -> f32 2,5,6,3 | method=bilinear antialias=true"},
       {"adjust_images", "u8 2,5,6,3; f32 2; f32 2,3 -> f32 2,5,6,3 | min=0.0 max=255.0"},
       {"affine_transform",
        "f32 2,5,6,3; f32 2,8 -> f32 2,4,7,3 | interpolation=bilinear fill_mode=reflect fill_value=0.5"},
       {"affine_transform", "u8 2,5,6,3; f32 2,8 -> f32 2,4,7,3 | interpolation=nearest fill_mode=wrap fill_value=0.0"},
       {"affine_transform_grad",
        "f32 2,4,7,3; f32 2,8 -> f32 2,5,6,3 | interpolation=bilinear fill_mode=mirror fill_value=0.0"}});
}

void add_recurrent(std::vector<OpExample>& all) {
  const std::string usual = "activation=tanh recurrent_activation=sigmoid ";
  const std::string plain = "initial=false backwards=false mask=false ",
                    full = "initial=true backwards=true mask=true ";
  const std::string kept = "keep=true sequences=true", last = "keep=false sequences=false";
  all.insert(
      all.end(),
      {{"lstm", "f32 3,4,20; f32 5,20 -> f32 3,5; f32 3,5 | " + usual + plain + last},
       {"lstm",
        "f32 7,3,68; f32 17,68; f32 7,17; f32 7,17; bool 7,3 -> f32 7,3,68; f32 7,3,17; f32 7,3,17; f32 7,17; f32 7,17 "
        "| " +
            usual + full + kept},
       {"lstm_grad",
        "f32 7,28; f32 3,7; f32 3,7; f32 3,4,28; f32 3,4,7; f32 3,4,7; bool 3,4; f32 3,4,7; f32 3,7; f32 3,7 -> f32 "
        "3,4,28; f32 3,7; f32 3,7; f32 3,4,7 | dy=true dh=true dc=true " +
            usual + full},
       {"gru",
        "f64 3,4,15; f64 5,15; f64 3,5; f64 15; bool 3,4 -> f64 3,4,20; f64 3,4,5; f64 3,5 | reset_after=true "
        "bias=true " +
            usual + full + kept},
       {"gru", "f32 2,3,51; f32 17,51 -> f32 2,3,51; f32 2,3,17; f32 2,17 | reset_after=false bias=false " + usual +
                   plain + kept},
       {"gru_grad",
        "f32 5,15; f32 2,3,20; f32 2,3,5; f32 2,5 -> f32 2,3,15; f32 2,5; f32 2,3,5; f32 2,3,15 | reset_after=true "
        "dy=false "
        "dh=true " +
            usual + plain},
       {"gru_grad",
        "f32 5,15; f32 2,5; f32 2,3,15; f32 2,3,5; bool 2,3; f32 2,3,5 -> f32 2,3,15; f32 2,5; f32 2,3,5; f32 2,3,5 | "
        "reset_after=false dy=true dh=false " +
            usual + full},
       {"simple_rnn", "f32 3,4,5; f32 5,5 -> f32 3,4,5; f32 3,5 | activation=relu " + plain + kept},
       {"simple_rnn_grad",
        "f32 5,5; f32 3,5; f32 3,4,5; bool 3,4; f32 3,4,5 -> f32 3,4,5; f32 3,5; f32 3,4,5 | activation=relu dy=true "
        "dh=false " +
            full}});
}

}  // namespace

std::vector<OpExample> op_examples() {
  std::vector<OpExample> all;
  add_elementwise(all);
  add_layout(all);
  add_reductions(all);
  add_order(all);
  add_matmul_and_losses(all);
  add_images(all);
  add_recurrent(all);
  return all;
}

OpSpec parse_example(const OpExample& example) {
  const auto bar = example.call.find('|'), arrow = example.call.find("->");
  OpSpec spec{example.name, types(example.call.substr(0, arrow)), {}, {}};
  spec.out = types(example.call.substr(arrow + 2, bar == std::string::npos ? bar : bar - arrow - 2));
  if (bar != std::string::npos) {
    for (const std::string& part : split(trimmed(example.call.substr(bar + 1)), ' ')) {
      const auto equals = part.find('=');
      spec.attrs.set(part.substr(0, equals), attribute(part.substr(equals + 1)));
    }
  }
  return spec;
}

}  // namespace pk
