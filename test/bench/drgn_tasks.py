"""What drgn does of the benchmark: DUMP VMLINUX one ADDRESS | list | ptdump | reads PLAN. The last two
print one line of JSON, in time of the processor: seconds of a whole walk, in two ways, medians of five;
reads a second and bytes a second."""
import json
import sys
import time

import drgn
from drgn.helpers.linux.mm import follow_phys, for_each_vmap_area

dump, vmlinux, task = sys.argv[1:4]
prog = drgn.Program()
prog.set_core_dump(dump)
prog.load_debug_info([vmlinux])
init_mm = prog["init_mm"].address_of_()


def translate():
    print(hex(follow_phys(init_mm, int(sys.argv[4], 16))))


def name(address):
    try:
        return prog.symbol(address).name
    except LookupError:
        return hex(address)


def areas():
    for area in for_each_vmap_area(prog):
        caller = name(area.vm.caller.value_()) if area.vm and area.vm.caller else "-"
        print(hex(area.va_start), hex(area.va_end), caller)


PRESENT, HUGE, FRAME = 1, 0x80, 0x000FFFFFFFFFF000
TYPES = [("pte_t *", "pte"), ("pmd_t *", "pmd"), ("pud_t *", "pud"), ("pgd_t *", "pgd")]


def objects(address, level):
    """A table as drgn shows it: an array of the kernel's own type, of which an entry is asked for."""
    name, member = TYPES[level]
    table = drgn.Object(prog, prog.type(name), address)
    return lambda index: getattr(table[index], member).value_()


def words(address, _level):
    """A table as one read of 512 numbers: drgn reads the page, and Python alone does the rest."""
    return memoryview(prog.read(address, 4096)).cast("Q").__getitem__


def walked(entries):
    """The kernel's half of four levels, entry by entry; entries of the same flags are joined, as the kernel's own dump does."""
    direct = prog["page_offset_base"].value_()
    regions = []
    looked = 0

    def walk(table, level, base):
        nonlocal looked
        entry_at = entries(table, level)
        shift = 12 + 9 * level
        for index in range(256 if level == 3 else 0, 512):
            looked += 1
            entry = entry_at(index)
            start = base + (index << shift)
            if entry & PRESENT and level > 0 and not entry & HUGE:
                walk(direct + (entry & FRAME), level - 1, start)
                continue
            flags = entry & ~FRAME if entry & PRESENT else 0
            if regions and regions[-1][1] == flags and regions[-1][2] == level:
                continue
            regions.append((start, flags, level))

    walk(init_mm.pgd.value_(), 3, 0xFFFF000000000000)
    return looked, len(regions)


def tables():
    def seconds(entries):
        passes = []
        for _ in range(5):
            start = time.process_time()
            counts = walked(entries)
            passes.append(time.process_time() - start)
        return sorted(passes)[2], counts

    by_object, counts = seconds(objects)
    by_word, same = seconds(words)
    assert counts == same
    print(json.dumps({"objects": by_object, "words": by_word, "entries": counts[0]}))


def rate(addresses, length, clock=time.process_time, best=False):
    """Reads a second of the clock, by default the processor's: the median, or the best, of five passes."""
    passes = []
    for _ in range(5):
        start = clock()
        for address in addresses:
            try:
                prog.read(address, length)
            except drgn.FaultError:
                pass
        passes.append(len(addresses) / (clock() - start))
    return sorted(passes)[-1 if best else 2]


def reads():
    with open(sys.argv[4]) as plan:
        addresses = {name: [int(each, 16) for each in list_] for name, list_ in json.load(plan).items()}
    print(
        json.dumps(
            {
                "randomDirect": rate(addresses["randomDirect"], 4096),
                "randomVmalloc": rate(addresses["randomVmalloc"], 4096),
                "sequential": rate(addresses["sequential"], 1 << 20, time.perf_counter, best=True) * (1 << 20),
            }
        )
    )


{"one": translate, "list": areas, "ptdump": tables, "reads": reads}[task]()
