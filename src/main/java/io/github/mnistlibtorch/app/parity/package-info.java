/** One run of the article held against another, number by number: traces, their files, and the ladder of comparison. */
@NullMarked
package io.github.mnistlibtorch.app.parity;

import org.jspecify.annotations.NullMarked;
