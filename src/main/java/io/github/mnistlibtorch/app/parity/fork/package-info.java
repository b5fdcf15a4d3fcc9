/** Leads a run along another through ReLU forks, where two correct runs part. */
@NullMarked
package io.github.mnistlibtorch.app.parity.fork;

import org.jspecify.annotations.NullMarked;
