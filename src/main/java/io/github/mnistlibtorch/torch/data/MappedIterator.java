package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.function.UnaryOperator;

/** A pass over what {@code operator} makes of the batches of another pass. */
final class MappedIterator<B> extends BatchIterator<B> {
    private final BatchIterator<B> source;
    private final UnaryOperator<B> operator;

    MappedIterator(BatchIterator<B> source, UnaryOperator<B> operator) {
        super(count -> {});
        this.source = source;
        this.operator = operator;
    }

    @Override
    boolean more() {
        return source.hasNext();
    }

    @Override
    B fetch() {
        try (TensorScope scope = TensorScope.open()) {
            return Tensors.keep(scope, operator.apply(source.next()));
        }
    }

    @Override
    void end() {
        source.close();
    }
}
