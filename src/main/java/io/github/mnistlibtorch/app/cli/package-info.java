/** The command line: one class per command. */
@NullMarked
package io.github.mnistlibtorch.app.cli;

import org.jspecify.annotations.NullMarked;
