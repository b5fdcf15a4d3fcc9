/**
 * PyTorch's beginner's article on training a network on MNIST, in Java, directly on LibTorch.
 *
 * <p>{@link io.github.mnistlibtorch.tutorial.MnistTutorial} is the article, top to bottom. What follows is its concepts one by one: first as Python
 * has them, then as they are here, then what is different on the JVM. The Java lines are those of {@code GuideTest}, which
 * compiles and runs them; it fails if a line here is another.
 *
 * <h2>Tensor</h2>
 *
 * <pre>{@code
 * x = torch.tensor([[1., 2.], [3., 4.]])
 * y = x @ x.t() + 1
 * y.shape, y[0, 1].item()
 * }</pre>
 *
 * <pre>{@code
 * Tensor x = torch.tensor(1f, 2f, 3f, 4f).view(2, 2);
 * Tensor y = x.mm(x.t()).add(new Scalar(1));
 * System.out.println(PythonRepr.size(y) + " " + y.get(0).get(1).item_float());
 * }</pre>
 *
 * <p>Operators are methods. The garbage collector sees a small handle and not the memory behind it, so that it comes late: a
 * {@link io.github.mnistlibtorch.torch.runtime.TensorScope} frees every tensor that is made while it is open, at its end, as Python
 * frees one whose last name goes.
 *
 * <h2>Dataset</h2>
 *
 * <pre>{@code
 * dataset = MNIST(root="data", train=True, transform=ToTensor())
 * image, label = dataset[0]
 * len(dataset)
 * }</pre>
 *
 * <pre>{@code
 * Dataset<LabeledImage> dataset = Mnist.bundled(Mnist.Split.TRAIN);
 * LabeledImage example = dataset.get(0);
 * System.out.println(PythonRepr.size(example.image()) + " " + example.label() + " " + dataset.size());
 * }</pre>
 *
 * <p>The same interface, {@code get(index)} and {@code size()} for {@code __getitem__} and {@code __len__}. The pictures stay
 * bytes outside of the Java heap until they are asked for.
 *
 * <h2>Split</h2>
 *
 * <pre>{@code
 * torch.manual_seed(42)
 * train_ds, val_ds = random_split(dataset, [50000, 10000])
 * }</pre>
 *
 * <pre>{@code
 * TorchRandom.manualSeed(42);
 * List<Subset<LabeledImage>> parts = RandomSplit.randomSplit(dataset, 50_000, 10_000);
 * Subset<LabeledImage> trainDs = parts.get(0);
 * Subset<LabeledImage> valDs = parts.get(1);
 * }</pre>
 *
 * <p>Nothing is drawn from {@code java.util.Random}: the one generator is LibTorch's, so that the same seed gives the same
 * split. The order of the calls is part of the result, in both languages.
 *
 * <h2>Loader</h2>
 *
 * <pre>{@code
 * loader = DataLoader(train_ds, 128, shuffle=True, num_workers=4)
 * for images, labels in loader:
 *     ...
 * }</pre>
 *
 * <pre>{@code
 * DataLoader<Batch> loader = DataLoader.of(trainDs)
 *         .batchSize(128)
 *         .shuffle(true)
 *         .numWorkers(4)
 *         .build();
 * for (Batch batch : loader) {
 *     pictures += batch.images().size(0);
 * }
 * }</pre>
 *
 * <p>Workers are threads, not processes: nothing is started, pickled or sent. A batch is valid until the loop takes the
 * next, and its memory is used again; to keep one, clone its tensors. Leaving the loop early is safe.
 *
 * <h2>Pinned memory</h2>
 *
 * <pre>{@code
 * DataLoader(train_ds, 128, pin_memory=True)
 * images.to(device, non_blocking=True)
 * }</pre>
 *
 * <pre>{@code
 * DataLoader<Batch> pinned =
 *         DataLoader.of(trainDs).batchSize(128).pinMemory(true).build();
 * DeviceDataLoader onDevice = new DeviceDataLoader(pinned, device);
 * }</pre>
 *
 * <p>Batches are put together in page-locked memory from the start. {@code DeviceDataLoader} copies one batch ahead, beside the
 * computation. Without a GPU both are Python's warning, and change nothing.
 *
 * <h2>Module</h2>
 *
 * <pre>{@code
 * class MnistModel(nn.Module):
 *     def __init__(self, in_size, hidden_size, out_size):
 *         super().__init__()
 *         self.linear1 = nn.Linear(in_size, hidden_size)
 *         self.linear2 = nn.Linear(hidden_size, out_size)
 * }</pre>
 *
 * <pre>{@code
 * class TwoLayers extends Module {
 *     final LinearImpl linear1;
 *     final LinearImpl linear2;
 *
 *     TwoLayers(int inSize, int hiddenSize, int outSize) {
 *         linear1 = register_module("linear1", new LinearImpl(inSize, hiddenSize));
 *         linear2 = register_module("linear2", new LinearImpl(hiddenSize, outSize));
 *     }
 *
 *     Tensor forward(Tensor xb) {
 *         return linear2.forward(torch.relu(linear1.forward(xb.view(xb.size(0), -1))));
 *     }
 * }
 * }</pre>
 *
 * <p>Assigning a layer to a field does not register it: {@code register_module} does, with its name. There is no {@code __call__};
 * {@code forward} is called by name. A model is closed by its owner.
 *
 * <h2>Parameters</h2>
 *
 * <pre>{@code
 * for name, parameter in model.named_parameters():
 *     print(name, parameter.shape)
 * }</pre>
 *
 * <pre>{@code
 * StateDict.of(model).forEach((name, parameter) -> System.out.println(name + " " + PythonRepr.size(parameter)));
 * }</pre>
 *
 * <p>The handles share the memory of the parameters, as in Python: to write to one is to change the model.
 *
 * <h2>Autograd</h2>
 *
 * <pre>{@code
 * loss = model.training_step(batch)
 * loss.backward()
 * model.linear1.weight.grad
 * }</pre>
 *
 * <pre>{@code
 * Tensor loss = model.trainingStep(batch);
 * loss.backward();
 * Tensor slope = model.parameters().get(0).grad();
 * }</pre>
 *
 * <p>The graph is LibTorch's own and the same C++ walks it. It keeps the tensors that it needs alive, also after their scope has
 * closed. {@code NoGradGuard} in a {@code try} is {@code with torch.no_grad()}.
 *
 * <h2>Loss</h2>
 *
 * <pre>{@code
 * F.cross_entropy(outputs, labels)
 * }</pre>
 *
 * <pre>{@code
 * Tensor crossEntropy = torch.cross_entropy(model.forward(batch.images()), batch.labels());
 * }</pre>
 *
 * <p>The functions of {@code torch.nn.functional} are static methods of {@code torch}. A scalar tensor becomes a number with
 * {@code item_double()}, which waits for a GPU.
 *
 * <h2>Optimizer</h2>
 *
 * <pre>{@code
 * optimizer = torch.optim.SGD(model.parameters(), 0.5)
 * optimizer.step()
 * optimizer.zero_grad()
 * }</pre>
 *
 * <pre>{@code
 * try (TensorVector parameters = model.parameters();
 *         Optimizer optimizer = OptimizerFactory.SGD.create(parameters, 0.5)) {
 *     optimizer.step();
 *     optimizer.zero_grad();
 * }
 * }</pre>
 *
 * <p>A factory stands for the class that is passed as {@code opt_func}. An optimizer is closed; what it keeps for each parameter
 * goes with it.
 *
 * <h2>Device</h2>
 *
 * <pre>{@code
 * device = get_default_device()
 * to_device(model, device)
 * }</pre>
 *
 * <pre>{@code
 * Device device = Devices.getDefaultDevice();
 * Devices.toDevice(model, device);
 * }</pre>
 *
 * <p>Moving a model changes it, moving a tensor gives another handle, as in Python. The build of LibTorch for the GPU has to lie
 * beside the jar.
 *
 * <h2>Evaluation</h2>
 *
 * <pre>{@code
 * result = evaluate(model, val_loader)
 * result["val_acc"]
 * }</pre>
 *
 * <pre>{@code
 * EpochResult result = Training.evaluate(model, valLoader);
 * System.out.println(result.valAcc());
 * }</pre>
 *
 * <p>A record takes the place of a dictionary; its text is the dictionary's. Autograd does not record here, which the article
 * leaves on; no digit depends on it.
 *
 * <h2>Overfitting</h2>
 *
 * <pre>{@code
 * history += fit(5, 0.5, model, train_loader, val_loader)
 * [result["val_loss"] for result in history]
 * }</pre>
 *
 * <pre>{@code
 * List<EpochResult> history = Training.fit(5, 0.5, model, fewPictures, valLoader);
 * List<Double> valLosses = history.stream().map(EpochResult::valLoss).toList();
 * }</pre>
 *
 * <p>A model that knows its training set better with each epoch and new pictures worse shows it in {@code loss.png}: the thin line
 * of the training goes on falling when the other rises. {@code train --val-size 59000
 * --hidden-size 512 --optimizer adam --schedule 40@1e-3} shows it.
 */
@NullMarked
package io.github.mnistlibtorch;

import org.jspecify.annotations.NullMarked;
