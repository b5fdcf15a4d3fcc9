package io.github.mnistlibtorch.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import org.bytedeco.pytorch.Tensor;

/** Pickles of very many small parts that add up mostly: lists, dictionaries and tuples within each other, tensors, memos, in intact files. */
public final class PicklePartsFuzz {
    private static final Scratch WEIGHTS = new Scratch("model.pt");
    private static final Scratch CHECKPOINT = new Scratch("checkpoint.pt");

    private static final String[] TEXTS = {
        "",
        "a",
        "linear1.weight",
        "model_state_dict",
        "state_dict",
        "config",
        "format_version",
        "history",
        "epoch",
        "optimizer_state_dict",
        "rng_state",
        "computed_with",
        "hidden-size",
        "storage",
        "cpu"
    };

    private static final String[] GLOBALS = {
        "collections\nOrderedDict",
        "torch._utils\n_rebuild_tensor_v2",
        "torch._utils\n_rebuild_parameter",
        "torch\nFloatStorage",
        "torch\nDoubleStorage",
        "torch\nSize",
        "torch._tensor\n_rebuild_from_type_v2",
        "os\nsystem",
        "builtins\nset"
    };

    private static final String[] STORAGES = {"FloatStorage", "LongStorage", "ByteStorage", "BoolStorage", "HalfStorage"
    };

    private static final int DEEPEST = 6;

    private PicklePartsFuzz() {}

    public static void fuzzerTestOneInput(FuzzedDataProvider input) {
        boolean isCheckpoint = input.consumeBoolean();
        Parts pickle = new Parts(input);
        pickle.put(0x80, 2);
        dict(pickle, input, 0);
        pickle.put('.');
        byte[] file = Zip.around(pickle.finished());
        if (isCheckpoint) {
            CHECKPOINT.give(file, path -> Checkpoint.read(path).close());
        } else {
            WEIGHTS.give(file, path -> {
                for (Tensor tensor : PtFile.read(path).values()) {
                    if (tensor.numel() > 0 && tensor.numel() < 1_000) {
                        tensor.sum();
                    }
                    tensor.close();
                }
            });
        }
    }

    private static void dict(Parts pickle, FuzzedDataProvider input, int depth) {
        if (pickle.choice(2) == 0) {
            pickle.put('}');
        } else {
            pickle.put("ccollections\nOrderedDict\n)R".getBytes(UTF_8));
        }
        pickle.put('(');
        for (int items = pickle.choice(5); items > 0 && !pickle.isAtEnd(); items--) {
            text(pickle, rare(pickle, input) + items);
            value(pickle, input, depth + 1);
        }
        pickle.put('u');
    }

    /** A name that a reader looks for, or any. */
    private static String rare(Parts pickle, FuzzedDataProvider input) {
        return pickle.rarely() ? input.consumeString(8) : input.pickValue(TEXTS);
    }

    private static void text(Parts pickle, String text) {
        byte[] bytes = text.getBytes(UTF_8);
        pickle.put('X')
                .putLittle(pickle.rarely() ? pickle.number() : bytes.length, 4)
                .put(bytes);
    }

    private static void number(Parts pickle, int value) {
        pickle.put('J').putLittle(value, 4);
    }

    private static void value(Parts pickle, FuzzedDataProvider input, int depth) {
        switch (pickle.choice(depth < DEEPEST ? 12 : 7)) {
            case 0 -> number(pickle, pickle.number());
            case 1 -> text(pickle, rare(pickle, input));
            case 2 -> pickle.put('N');
            case 3 -> tensor(pickle, input);
            case 4 ->
                pickle.put('c').put(input.pickValue(GLOBALS).getBytes(UTF_8)).put('\n');
            case 5 -> pickle.put('h', pickle.number());
            case 6 -> pickle.put(pickle.bytes());
            case 7 -> dict(pickle, input, depth);
            case 8 -> { // a list of the same again and again
                Parts item = new Parts(input);
                value(item, input, depth + 1);
                pickle.put(']', '(').repeat(item.toByteArray(), pickle.times()).put('e');
            }
            case 9 -> { // tuples around each other
                int layers = pickle.times();
                value(pickle, input, depth + 1);
                pickle.repeat(new byte[] {(byte) 0x85}, layers);
            }
            case 10 -> {
                value(pickle, input, depth + 1);
                pickle.put('q', pickle.number());
            }
            default -> {
                Parts part = new Parts(input);
                text(part, rare(pickle, input));
                value(part, input, depth + 1);
                pickle.put('}', '(').repeat(part.toByteArray(), pickle.times()).put('u');
            }
        }
    }

    private static void tensor(Parts pickle, FuzzedDataProvider input) {
        pickle.put("ctorch._utils\n_rebuild_tensor_v2\n((".getBytes(UTF_8));
        text(pickle, "storage");
        pickle.put('c').put(("torch\n" + input.pickValue(STORAGES) + "\n").getBytes(UTF_8));
        text(pickle, Integer.toString(pickle.choice(Zip.STORAGES + 1)));
        text(pickle, "cpu");
        number(pickle, pickle.rarely() ? pickle.number() : Zip.STORAGE / 4);
        pickle.put('t', 'Q');
        number(pickle, pickle.rarely() ? pickle.number() : 0);
        int dimensions = pickle.rarely() ? pickle.times() : pickle.choice(4);
        for (int list = 0; list < 2; list++) {
            pickle.put('(');
            for (int i = 0; i < dimensions; i++) {
                number(pickle, pickle.rarely() ? pickle.number() : 1 + pickle.choice(2));
            }
            pickle.put('t');
        }
        pickle.put(0x89).put("ccollections\nOrderedDict\n)RtR".getBytes(UTF_8));
    }
}
