/** What a run leaves behind: the report, the confusion matrix and the other pictures. */
@NullMarked
package io.github.mnistlibtorch.app.report;

import org.jspecify.annotations.NullMarked;
