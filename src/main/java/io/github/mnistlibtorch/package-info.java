/** PyTorch's beginner's article on training a network on MNIST, in Java, directly on LibTorch. {@code Main} runs it. */
@NullMarked
package io.github.mnistlibtorch;

import org.jspecify.annotations.NullMarked;
