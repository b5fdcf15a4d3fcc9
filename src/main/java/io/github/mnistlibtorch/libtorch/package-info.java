/** The border to the native library: start-up, memory scopes, random draws, names and numbers as Python prints them. */
@NullMarked
package io.github.mnistlibtorch.libtorch;

import org.jspecify.annotations.NullMarked;
