package io.github.mnistlibtorch.torch.data;

import java.util.Iterator;
import java.util.function.Consumer;

/** A sampler that tells a listener of each element as it is drawn. */
record ObservedSampler<I>(Sampler<I> sampler, Consumer<I> listener) implements Sampler<I> {
    @Override
    public Iterator<I> iterator() {
        Iterator<I> elements = sampler.iterator();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return elements.hasNext();
            }

            @Override
            public I next() {
                I element = elements.next();
                listener.accept(element);
                return element;
            }
        };
    }

    @Override
    public int size() {
        return sampler.size();
    }
}
