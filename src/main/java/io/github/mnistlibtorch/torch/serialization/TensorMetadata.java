package io.github.mnistlibtorch.torch.serialization;

import java.util.List;

/**
 * What a {@code .pt} file says of a tensor: which elements of which storage it is.
 *
 * @param offset of its first element in the storage
 * @param strides in elements, one for each of {@code sizes}
 * @param isNegated whether its numbers are those with the sign changed
 */
record TensorMetadata(Storage storage, long offset, List<Long> sizes, List<Long> strides, boolean isNegated) {
    /**
     * Elements that one or more tensors are views of.
     *
     * @param key its name in the folder {@code data} of the file
     */
    record Storage(Dtype type, String key, long numel) {}
}
