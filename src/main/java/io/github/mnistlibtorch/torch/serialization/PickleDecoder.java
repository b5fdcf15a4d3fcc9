package io.github.mnistlibtorch.torch.serialization;

import static io.github.mnistlibtorch.torch.runtime.PlainText.quoted;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Reads a dictionary from a pickle, a state dict above all. A pickle is a program; this runs the few instructions that
 * {@code torch.save} writes for tensors, texts, numbers, lists and dictionaries, and refuses the file at any other.
 *
 * <p>Nothing that a file names is ever looked up, made or called: its names are compared with the few that are known
 * here, and what the functions behind these would give is noted as a {@link TensorMetadata}.
 */
final class PickleDecoder {
    /** Bounds the memory that a small file can ask for; a tensor takes some 40 instructions. */
    private static final int MAX_INSTRUCTIONS = 6_000_000;

    /** More are beyond many operations of LibTorch. */
    private static final int MAX_DIMENSIONS = 64;

    /**
     * The functions that give tensors and dictionaries, with the number of arguments that are looked at;
     * {@code torch.FloatStorage} and so on are a {@link Dtype} instead.
     */
    private enum Function {
        ORDERED_DICT("collections.OrderedDict", 0),
        TENSOR("torch._utils._rebuild_tensor_v2", 4),
        OLD_TENSOR("torch._utils._rebuild_tensor", 4),
        PARAMETER("torch._utils._rebuild_parameter", 1),
        PARAMETER_WITH_STATE("torch._utils._rebuild_parameter_with_state", 1),
        WITH_ATTRIBUTES("torch._tensor._rebuild_from_type_v2", 3);

        private final String name;
        private final int arity;

        Function(String name, int arity) {
            this.name = name;
            this.arity = arity;
        }
    }

    /** The argument of {@code _rebuild_tensor_v2} that comes after the hooks, and is seldom there. */
    private static final int TENSOR_STATE = 6;

    /** What else {@code torch.load(weights_only=True)} allows; nothing that is made of these is looked at. */
    private static final Pattern PASSED_OVER = Pattern.compile("collections\\.Counter"
            + "|torch\\.nn\\.parameter\\.Parameter"
            + "|torch\\.serialization\\._get_layout"
            + "|torch\\.(Size|device|Tensor)"
            + "|_codecs\\.encode"
            + "|(builtins|__builtin__)\\.(set|bytearray|complex)"
            + "|torch\\.(cuda\\.)?\\w+Storage"
            + "|torch\\.storage\\.(Untyped|Typed)Storage"
            + "|torch\\.(u?int\\d+|float\\w+|bfloat16|complex\\d+|bool|q\\w+|bits\\w+|per_(tensor|channel)_\\w+)"
            + "|torch\\._utils\\._rebuild_(tensor_v3|qtensor|sparse_tensor|meta_tensor_no_storage|nested_tensor"
            + "|wrapper_subclass|device_tensor_from_numpy|device_tensor_from_cpu_tensor)");

    /** What people's programs call the state dict of the model in a checkpoint. */
    private static final List<String> CHECKPOINT = List.of("model_state_dict", "state_dict", "model", "net");

    /** Something that is not looked at. As a key it is itself: a file could choose names that share a hash. */
    private static final class PassedOver {
        private final String name;

        PassedOver(String name) {
            this.name = name;
        }
    }

    /** With what {@code torch} notes of a module in its state dict. */
    private static final class OrderedDict extends LinkedHashMap<Object, Object> {
        private static final long serialVersionUID = 1;

        private transient Map<String, String> metadata = Map.of();
    }

    private static final Object MARK = new Object();

    /** Stands for None, whole numbers of more than 64 bits, bytes and sets. */
    private static final Object OTHER = new Object();

    private final ByteBuffer in;
    private final InvalidFile refusal;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Long, Object> memo = new HashMap<>();
    private final Map<String, TensorMetadata.Storage> storages = new HashMap<>();

    private PickleDecoder(byte[] pickle, InvalidFile refusal) {
        this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
        this.refusal = refusal;
    }

    /**
     * The tensors that {@code pickle} describes, in its order; of a checkpoint, those of its model.
     *
     * @throws InputException if it asks for anything but tensors, or does not add up
     */
    static Map<String, TensorMetadata> stateDict(byte[] pickle, InvalidFile refusal) throws InputException {
        Map<String, TensorMetadata> stateDict = new LinkedHashMap<>();
        for (Map.Entry<?, ?> item : ofModel(dict(pickle, refusal)).entrySet()) {
            if (!(item.getKey() instanceof String name)) {
                throw refusal.because("a key in it is not a text");
            }
            if (item.getValue() instanceof PassedOver made) {
                throw refusal.because("what it holds as " + quoted(name) + ", made by " + made.name
                        + ", is not a tensor of a dtype that is read here");
            }
            if (!(item.getValue() instanceof TensorMetadata tensor)) {
                throw refusal.because("what it holds as " + quoted(name) + " is not a tensor");
            }
            stateDict.put(name, tensor);
        }
        return stateDict;
    }

    /** The texts among {@code state_dict._metadata[""]}. */
    static Map<String, String> metadata(byte[] pickle, InvalidFile refusal) throws InputException {
        return ofModel(dict(pickle, refusal)) instanceof OrderedDict dict ? dict.metadata : Map.of();
    }

    private static Map<?, ?> ofModel(Map<?, ?> dict) {
        for (String name : CHECKPOINT) {
            if (dict.get(name) instanceof Map<?, ?> inCheckpoint) {
                return inCheckpoint;
            }
        }
        return dict;
    }

    /**
     * The dictionary that {@code pickle} describes: of {@code String}, {@code Long}, {@code Double}, {@code Boolean},
     * {@link TensorMetadata}, and of {@code List}, {@code Object[]} (a tuple) and {@code Map} of these, which may contain
     * themselves; other objects stand for what nobody looks at.
     *
     * @throws InputException if it asks for anything else, or does not add up
     */
    static Map<?, ?> dict(byte[] pickle, InvalidFile refusal) throws InputException {
        if (new PickleDecoder(pickle, refusal).run() instanceof Map<?, ?> dict) {
            return dict;
        }
        throw refusal.because("it holds no dictionary of tensors");
    }

    private Object run() throws InputException {
        for (int i = 0; i < MAX_INSTRUCTIONS; i++) {
            int opcode = uint8();
            if (opcode == Opcode.STOP) {
                return pop();
            }
            execute(opcode);
        }
        throw refusal.because("its pickle has more than " + MAX_INSTRUCTIONS + " instructions");
    }

    private void execute(int opcode) throws InputException {
        switch (opcode) {
            case Opcode.PROTO -> uint8();
            case Opcode.FRAME -> take(Long.BYTES);
            case Opcode.MARK -> stack.add(MARK);
            case Opcode.NONE -> stack.add(OTHER);
            case Opcode.NEWTRUE -> stack.add(true);
            case Opcode.NEWFALSE -> stack.add(false);
            case Opcode.BININT -> stack.add((long) take(Integer.BYTES).getInt());
            case Opcode.BININT1 -> stack.add((long) uint8());
            case Opcode.BININT2 -> stack.add((long) uint16());
            case Opcode.LONG1 -> stack.add(number(take(uint8())));
            case Opcode.LONG4 -> stack.add(number(take(uint32())));
            case Opcode.SHORT_BINSTRING, Opcode.SHORT_BINBYTES -> skip(uint8());
            case Opcode.BINBYTES -> skip(uint32());
            case Opcode.EMPTY_SET -> stack.add(OTHER);
            case Opcode.ADDITEMS -> popToMark();
            case Opcode.BINFLOAT ->
                stack.add(take(Double.BYTES).order(ByteOrder.BIG_ENDIAN).getDouble());
            case Opcode.SHORT_BINUNICODE -> stack.add(text(take(uint8())));
            case Opcode.BINUNICODE -> stack.add(text(take(uint32())));
            case Opcode.BINUNICODE8 -> stack.add(text(take(take(Long.BYTES).getLong())));
            case Opcode.EMPTY_TUPLE -> stack.add(new Object[0]);
            case Opcode.TUPLE1 -> stack.add(pop(1));
            case Opcode.TUPLE2 -> stack.add(pop(2));
            case Opcode.TUPLE3 -> stack.add(pop(3));
            case Opcode.TUPLE -> stack.add(popToMark());
            case Opcode.EMPTY_LIST -> stack.add(new ArrayList<>());
            case Opcode.EMPTY_DICT -> stack.add(new LinkedHashMap<>());
            case Opcode.SETITEM -> setItems(pop(2));
            case Opcode.SETITEMS -> setItems(popToMark());
            case Opcode.APPEND -> append(pop());
            case Opcode.APPENDS -> append(popToMark());
            case Opcode.BUILD -> build();
            case Opcode.BINPUT -> memo.put((long) uint8(), top());
            case Opcode.LONG_BINPUT -> memo.put(uint32(), top());
            case Opcode.MEMOIZE -> memo.put((long) memo.size(), top());
            case Opcode.BINGET -> stack.add(remembered(uint8()));
            case Opcode.LONG_BINGET -> stack.add(remembered(uint32()));
            case Opcode.GLOBAL -> stack.add(global(line(), line()));
            case Opcode.STACK_GLOBAL -> {
                Object[] names = pop(2);
                stack.add(global(as(String.class, names[0]), as(String.class, names[1])));
            }
            case Opcode.BINPERSID -> stack.add(storage(as(Object[].class, pop())));
            case Opcode.REDUCE -> {
                Object[] arguments = as(Object[].class, pop());
                stack.add(result(pop(), arguments));
            }
            case Opcode.NEWOBJ -> {
                Object[] arguments = as(Object[].class, pop());
                Object type = pop();
                // Python makes an OrderedDict so, too.
                stack.add(
                        type == Function.ORDERED_DICT
                                ? new OrderedDict()
                                : result(as(PassedOver.class, type), arguments));
            }
            case Opcode.INST -> throw unknown(line() + "." + line());
            case Opcode.EXT1 -> throw unknown("extension " + uint8());
            case Opcode.EXT2 -> throw unknown("extension " + uint16());
            case Opcode.EXT4 -> throw unknown("extension " + uint32());
            default -> throw refusal.because("its pickle has the instruction 0x" + Integer.toHexString(opcode));
        }
    }

    private Object global(String module, String name) throws InputException {
        String full = module + "." + name;
        for (Function function : Function.values()) {
            if (function.name.equals(full)) {
                return function;
            }
        }
        Optional<Dtype> storage = module.equals("torch") ? Dtype.ofStorage(name) : Optional.empty();
        if (storage.isPresent()) {
            return storage.get();
        }
        if (PASSED_OVER.matcher(full).matches()) {
            return new PassedOver(full);
        }
        throw unknown(full);
    }

    private InputException unknown(String name) {
        return refusal.because("it asks for " + quoted(name) + ", which is no part of a state dict and was not run");
    }

    /** What Python would get from {@code function(*arguments)}. */
    private Object result(Object function, Object[] arguments) throws InputException {
        if (function instanceof PassedOver made) {
            return made;
        }
        Function known = as(Function.class, function);
        if (arguments.length < known.arity || known == Function.ORDERED_DICT && arguments.length > 0) {
            throw inconsistent();
        }
        return switch (known) {
            case ORDERED_DICT -> new OrderedDict();
            case TENSOR, OLD_TENSOR -> // what follows says whether a gradient is required, and holds hooks and metadata
                arguments[0] instanceof PassedOver storage
                        ? storage
                        : tensor(
                                as(TensorMetadata.Storage.class, arguments[0]),
                                as(Long.class, arguments[1]),
                                counts(as(Object[].class, arguments[2])),
                                counts(as(Object[].class, arguments[3])),
                                isNegated(arguments));
            case PARAMETER, PARAMETER_WITH_STATE ->
                arguments[0] instanceof PassedOver tensor ? tensor : as(TensorMetadata.class, arguments[0]);
            case WITH_ATTRIBUTES -> {
                if (arguments[0] == Function.WITH_ATTRIBUTES) { // any number of times: Python never does that
                    throw inconsistent();
                }
                yield result(arguments[0], as(Object[].class, arguments[2]));
            }
        };
    }

    /** Whether a tensor is the negative of its storage, as {@code tensor.is_neg()} says. */
    private static boolean isNegated(Object[] arguments) {
        return arguments.length > TENSOR_STATE
                && arguments[TENSOR_STATE] instanceof Map<?, ?> state
                && Boolean.TRUE.equals(state.get("neg"));
    }

    /** The storage of a persistent id, {@code ('storage', torch.FloatStorage, key, location, numel)}. */
    private Object storage(Object[] id) throws InputException {
        requireLength(5, id);
        if (!id[0].equals("storage")) {
            throw inconsistent();
        }
        if (id[1] instanceof PassedOver type) {
            return type;
        }
        // The location, such as cuda:0, says where the storage was; here it will be on the CPU.
        as(String.class, id[3]);
        TensorMetadata.Storage storage = new TensorMetadata.Storage(
                as(Dtype.class, id[1]), as(String.class, id[2]), count(as(Long.class, id[4])));
        TensorMetadata.Storage known = storages.putIfAbsent(storage.key(), storage);
        if (known != null && !known.equals(storage)) {
            throw refusal.because("it describes the storage " + quoted(storage.key()) + " in two ways");
        }
        return storage;
    }

    private TensorMetadata tensor(
            TensorMetadata.Storage storage, long offset, List<Long> sizes, List<Long> strides, boolean isNegated)
            throws InputException {
        if (sizes.size() != strides.size() || sizes.size() > MAX_DIMENSIONS) {
            throw refusal.because("a tensor has " + sizes.size() + " sizes and " + strides.size() + " strides");
        }
        try {
            long bytes = storage.type().bytes();
            long end = Math.addExact(count(offset), 1);
            for (int i = 0; i < sizes.size(); i++) {
                // A zero does not excuse the other sizes: LibTorch multiplies them.
                long size = Math.max(sizes.get(i), 1);
                bytes = Math.multiplyExact(bytes, size);
                end = Math.addExact(end, Math.multiplyExact(size - 1, strides.get(i)));
            }
            if ((sizes.contains(0L) ? offset : end) > storage.numel()) {
                throw refusal.because("a tensor of shape " + sizes + " is not within its storage of " + storage.numel()
                        + " elements");
            }
        } catch (ArithmeticException e) {
            throw refusal.because("a tensor of shape " + sizes + " is larger than any memory", e);
        }
        return new TensorMetadata(storage, offset, sizes, strides, isNegated);
    }

    private List<Long> counts(Object[] numbers) throws InputException {
        List<Long> counts = new ArrayList<>();
        for (Object number : numbers) {
            counts.add(count(as(Long.class, number)));
        }
        return List.copyOf(counts);
    }

    private long count(long number) throws InputException {
        if (number < 0) {
            throw refusal.because("a tensor has the size, stride or offset " + number);
        }
        return number;
    }

    private void setItems(Object[] items) throws InputException {
        @SuppressWarnings("unchecked") // every map here is made with these types
        Map<Object, Object> dict = as(Map.class, top());
        if (items.length % 2 != 0) {
            throw inconsistent();
        }
        for (int i = 0; i < items.length; i += 2) {
            Object key = items[i];
            if (!isKey(key)) {
                throw refusal.because("a list, a dictionary or a tensor is used as a key");
            }
            if (dict.put(key, items[i + 1]) != null && key instanceof String text) {
                throw refusal.because("it has the key " + quoted(text) + " twice");
            }
        }
    }

    /** Whether its hash is cheap: a list could contain itself, and names in a file could be chosen to share one. */
    private static boolean isKey(Object key) {
        return key instanceof Comparable // texts and numbers, which a HashMap sorts if they share a hash
                || key instanceof Object[] // a tuple, which is equal to itself alone, like those below
                || key instanceof PassedOver
                || key == OTHER;
    }

    private void append(Object... items) throws InputException {
        @SuppressWarnings("unchecked") // every list here is made with this type
        List<Object> list = as(List.class, top());
        list.addAll(Arrays.asList(items));
    }

    /** Sets attributes, of which {@code _metadata} of a state dict is looked at. */
    private void build() throws InputException {
        Object state = pop();
        if (top() instanceof PassedOver) {
            return;
        }
        Map<?, ?> attributes = as(Map.class, state);
        if (as(Map.class, top()) instanceof OrderedDict dict
                && attributes.get("_metadata") instanceof Map<?, ?> modules
                && modules.get("") instanceof Map<?, ?> ofModule) {
            Map<String, String> texts = new LinkedHashMap<>();
            ofModule.forEach((key, value) -> {
                if (key instanceof String name && value instanceof String text) {
                    texts.put(name, text);
                }
            });
            dict.metadata = texts;
        }
    }

    private void skip(long bytes) throws InputException {
        take(bytes);
        stack.add(OTHER);
    }

    private Object remembered(long index) throws InputException {
        Object value = memo.get(index);
        if (value == null) {
            throw inconsistent();
        }
        return value;
    }

    private Object top() throws InputException {
        Object value = stack.isEmpty() ? MARK : stack.get(stack.size() - 1);
        if (value == MARK) {
            throw inconsistent();
        }
        return value;
    }

    private Object pop() throws InputException {
        Object value = top();
        stack.remove(stack.size() - 1);
        return value;
    }

    private Object[] pop(int count) throws InputException {
        Object[] values = new Object[count];
        for (int i = count - 1; i >= 0; i--) {
            values[i] = pop();
        }
        return values;
    }

    private Object[] popToMark() throws InputException {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw inconsistent();
        }
        List<Object> above = stack.subList(mark + 1, stack.size());
        Object[] values = above.toArray();
        above.clear();
        stack.remove(mark);
        return values;
    }

    private <T> T as(Class<T> type, Object value) throws InputException {
        if (!type.isInstance(value)) {
            throw inconsistent();
        }
        return type.cast(value);
    }

    private void requireLength(int length, Object[] tuple) throws InputException {
        if (tuple.length != length) {
            throw inconsistent();
        }
    }

    private InputException inconsistent() {
        return refusal.because("its pickle does not add up at byte " + in.position());
    }

    /** The next bytes, once it is known that there are so many. */
    private ByteBuffer take(long count) throws InputException {
        if (count < 0 || count > in.remaining()) {
            throw refusal.because("its pickle is truncated");
        }
        ByteBuffer bytes = in.slice(in.position(), (int) count).order(ByteOrder.LITTLE_ENDIAN);
        in.position(in.position() + (int) count);
        return bytes;
    }

    private int uint8() throws InputException {
        return Byte.toUnsignedInt(take(Byte.BYTES).get());
    }

    private int uint16() throws InputException {
        return Short.toUnsignedInt(take(Short.BYTES).getShort());
    }

    private long uint32() throws InputException {
        return Integer.toUnsignedLong(take(Integer.BYTES).getInt());
    }

    /** A little-endian two's complement number of up to 8 bytes; more are no size of a tensor. */
    private Object number(ByteBuffer bytes) {
        int count = bytes.remaining();
        if (count > Long.BYTES) {
            return OTHER;
        }
        long number = count == 0 ? 0 : bytes.get(count - 1); // the highest byte has the sign
        for (int i = count - 2; i >= 0; i--) {
            number = number << Byte.SIZE | Byte.toUnsignedLong(bytes.get(i));
        }
        return number;
    }

    private String line() throws InputException {
        int length = 0;
        while (length < in.remaining() && in.get(in.position() + length) != '\n') {
            length++;
        }
        String line = text(take(length));
        take(1);
        return line;
    }

    private String text(ByteBuffer bytes) throws InputException {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw refusal.because("a text in its pickle is not UTF-8", e);
        }
    }
}
