// The same training in C++ on LibTorch: batches gathered and converted in line, on one thread; the same numbers.
//
//     train DATA [--timings FILE]      DATA: the folder of the four IDX files, unpacked; FILE gets the seconds as JSON
//
// Every pass draws from the default generator what the article's loaders draw, so that split, weights, batches and
// losses are the article's.

#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace F = torch::nn::functional;
using torch::Tensor;

constexpr int64_t kPixels = 784, kHidden = 32, kClasses = 10, kBatch = 128, kHeldOut = 10'000;

struct Net : torch::nn::Module {
  torch::nn::Linear linear1 = register_module("linear1", torch::nn::Linear(kPixels, kHidden));
  torch::nn::Linear linear2 = register_module("linear2", torch::nn::Linear(kHidden, kClasses));

  Tensor forward(const Tensor& xb) { return linear2(torch::relu(linear1(xb.view({xb.size(0), -1})))); }
};

struct Clock {
  double seconds = 0;
  int laps = 0;
  std::chrono::steady_clock::time_point began;

  void start() { began = std::chrono::steady_clock::now(); }
  void stop() {
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    laps++;
  }
};

static std::vector<uint8_t> read(const std::string& path, size_t header) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", path.c_str());
    std::exit(2);
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(file.tellg()) - header);
  file.seekg(static_cast<std::streamoff>(header));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

static int64_t draw() { return torch::empty({}, torch::kInt64).random_().item<int64_t>(); }

static Tensor shuffled(int64_t size) {
  draw();  // the loader's base seed
  auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(draw()));
  return torch::randperm(size, generator, torch::kInt64);
}

int main(int count_of_arguments, char** arguments) {
  torch::set_num_threads(1);
  torch::manual_seed(42);
  const std::string data = arguments[1];
  const std::vector<uint8_t> images = read(data + "/train-images-idx3-ubyte", 16);
  const std::vector<uint8_t> labels = read(data + "/train-labels-idx1-ubyte", 8);
  const auto count = static_cast<int64_t>(labels.size());
  const int64_t trained = count - kHeldOut;
  const Tensor split = torch::randperm(count, torch::kInt64);
  const int64_t* place = split.data_ptr<int64_t>();
  std::printf("(%ld, %ld)\n", static_cast<long>(trained), static_cast<long>(kHeldOut));
  std::fflush(stdout);

  float unit[256];
  for (int grey = 0; grey < 256; grey++) unit[grey] = static_cast<float>(grey) / 255.0f;
  // The pictures at index(0), index(1), ..., as a batch.
  auto batch = [&](int64_t size, auto index) {
    Tensor xb = torch::empty({size, 1, 28, 28});
    Tensor yb = torch::empty({size}, torch::kInt64);
    float* pixels = xb.data_ptr<float>();
    int64_t* classes = yb.data_ptr<int64_t>();
    for (int64_t row = 0; row < size; row++) {
      const int64_t example = index(row);
      const uint8_t* grey = images.data() + example * kPixels;
      for (int64_t i = 0; i < kPixels; i++) pixels[row * kPixels + i] = unit[grey[i]];
      classes[row] = labels[static_cast<size_t>(example)];
    }
    return std::pair(xb, yb);
  };

  Clock training, evaluation;
  auto evaluate = [&](Net& model) {
    evaluation.start();
    torch::NoGradGuard no_grad;
    draw();  // the loader's base seed
    std::vector<Tensor> losses, accuracies;
    for (int64_t at = 0; at < kHeldOut; at += 2 * kBatch) {
      auto [xb, yb] = batch(std::min(2 * kBatch, kHeldOut - at), [&](int64_t row) { return place[trained + at + row]; });
      Tensor out = model.forward(xb);
      losses.push_back(torch::cross_entropy_loss(out, yb));
      accuracies.push_back(out.argmax(1).eq(yb).sum().to(torch::kFloat) / yb.size(0));
    }
    auto result = std::pair(torch::stack(losses).mean().item<float>(), torch::stack(accuracies).mean().item<float>());
    evaluation.stop();
    return result;
  };

  shuffled(trained);
  { Net thrown_away; }
  shuffled(trained);
  Net model;
  auto result = evaluate(model);
  std::printf("[{'val_loss': %.16g, 'val_acc': %.16g}]\n", result.first, result.second);
  std::fflush(stdout);
  for (auto [epochs, lr] : {std::pair(5, 0.5), std::pair(5, 0.1)}) {
    torch::optim::SGD optimizer(model.parameters(), lr);
    for (int epoch = 0; epoch < epochs; epoch++) {
      training.start();
      const Tensor order = shuffled(trained);
      const int64_t* next = order.data_ptr<int64_t>();
      for (int64_t at = 0; at < trained; at += kBatch) {
        auto [xb, yb] = batch(std::min(kBatch, trained - at), [&](int64_t row) { return place[next[at + row]]; });
        Tensor loss = torch::cross_entropy_loss(model.forward(xb), yb);
        loss.backward();
        optimizer.step();
        optimizer.zero_grad();
      }
      training.stop();
      result = evaluate(model);
      std::printf("Epoch [%d], val_loss: %.4f, val_acc: %.4f\n", epoch, result.first, result.second);
      std::fflush(stdout);
    }
  }
  std::printf("val_acc: %.4f\n", result.second);
  if (count_of_arguments > 3) {
    std::ofstream(arguments[3]) << "{\"epochs\": " << training.laps << ", \"training_seconds\": " << training.seconds
                                << ", \"evaluations\": " << evaluation.laps
                                << ", \"evaluation_seconds\": " << evaluation.seconds << "}";
  }
}
