/** PyTorch's beginner's article on training a network on MNIST, in Java, directly on LibTorch. */
@NullMarked
package io.github.mnistlibtorch;

import org.jspecify.annotations.NullMarked;
