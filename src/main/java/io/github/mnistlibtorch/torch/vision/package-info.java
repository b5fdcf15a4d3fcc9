/** What the article takes from torchvision: the MNIST data set, {@code ToTensor}, {@code make_grid}, {@code save_image}. */
@NullMarked
package io.github.mnistlibtorch.torch.vision;

import org.jspecify.annotations.NullMarked;
