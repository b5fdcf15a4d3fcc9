/** The command line: one class per command. */
@NullMarked
package io.github.mnistlibtorch.cli;

import org.jspecify.annotations.NullMarked;
