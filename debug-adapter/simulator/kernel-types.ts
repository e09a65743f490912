/**
 * The types of a simulated kernel, as mm/, include/linux/ and arch/ of Linux 6.12 declare them: the members that tell what
 * memory means, in the kernel's order.
 */
import { CTypes } from './c-declarations.ts';

/** What of the machine changes the layout of its structures. */
export interface TypeOptions {
  readonly pointerSize: 4 | 8;
  readonly architecture: 'x86-64' | 'x86-32' | 'arm64';
  /** Whether vmap_area.flags marks vm_map_ram() areas. */
  readonly vmapRamFlags: boolean;
  /** Whether vmap_block.used_map records the pages that are handed out. */
  readonly usedMap: boolean;
  /** VMAP_BBMAP_BITS: pages of a vmap_block. */
  readonly blockPages: number;
  /** Permanent slots of the fixmap (x86). */
  readonly fixmapSlots: number;
  /** Members that struct pagemap_scan_private had in versions of its patch. */
  readonly scanMembers: readonly ('walk_end_addr' | 'cur_buf')[];
}

/** Names of page.flags' bits without PG_, lowest bit first (include/linux/page-flags.h). */
export const pageFlags = [
  'locked',
  'writeback',
  'referenced',
  'uptodate',
  'dirty',
  'lru',
  'head',
  'waiters',
  'active',
  'workingset',
  'owner_priv_1',
  'owner_2',
  'arch_1',
  'reserved',
  'private',
  'private_2',
  'reclaim',
  'swapbacked',
  'unevictable',
  'mlocked',
  'hwpoison',
  'young',
  'idle',
] as const;

/** One of these names. */
export type PageFlag = (typeof pageFlags)[number];

/** Page types in the top byte of page_type (include/linux/page-flags.h, 6.12). */
export const pageTypes = { buddy: 0xf0, offline: 0xf1, table: 0xf2, guard: 0xf3, hugetlb: 0xf4, slab: 0xf5 } as const;

/** Declarations for the configuration that `options` describe; members that a kernel lacks are left out, as its BTF would. */
export function kernelTypes(options: TypeOptions): CTypes {
  return new CTypes(
    [base(options), memory(options), vmalloc(options), addressSpace(options), tasks(), x86Types(options)].join('\n'),
    options.pointerSize,
  );
}

function base({ pointerSize }: TypeOptions): string {
  return `
    typedef unsigned long long u64; typedef unsigned int u32; typedef unsigned short u16; typedef unsigned char u8; typedef int pid_t;
    typedef u64 phys_addr_t; typedef unsigned int gfp_t;
    typedef struct { int counter; } atomic_t;
    typedef struct { long counter; } atomic_long_t;
    struct list_head { struct list_head *next, *prev; };
    struct hlist_node { struct hlist_node *next, **pprev; };
    struct llist_node { struct llist_node *next; };
    struct llist_head { struct llist_node *first; };
    struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right; struct rb_node *rb_left; };
    struct rb_root { struct rb_node *rb_node; };
    struct callback_head { struct callback_head *next; void *func; };
    typedef struct { unsigned int raw; } spinlock_t;
    struct xarray { spinlock_t xa_lock; gfp_t xa_flags; void *xa_head; };
    struct xa_node { unsigned char shift; unsigned char offset; unsigned char count; unsigned char nr_values; struct xa_node *parent;
      struct xarray *array; union { struct list_head private_list; struct callback_head callback_head; };
      void *slots[64]; unsigned long tags[3][${64 / pointerSize / 8}]; };
    struct work_struct { atomic_long_t data; struct list_head entry; void *func; };
    struct cpumask { unsigned long bits[${512 / pointerSize / 8}]; };
    struct new_utsname { char sysname[65]; char nodename[65]; char release[65]; char version[65]; char machine[65]; char domainname[65]; };
    struct uts_namespace { struct new_utsname name; };
    struct percpu_counter { spinlock_t lock; long long count; int *counters; };`;
}

function memory({ pointerSize, architecture }: TypeOptions): string {
  const memcg = pointerSize === 8 ? 'unsigned long memcg_data;' : '';
  const types = Object.entries(pageTypes).map(([name, value]) => `PGTY_${name} = ${value}`);
  return `
    enum pageflags { ${pageFlags.map((name) => `PG_${name}`).join(', ')}, __NR_PAGEFLAGS };
    enum pagetype { ${types.join(', ')}, PGTY_zsmalloc = 246, PGTY_unaccepted = 247 };
    enum zone_type { ${architecture === 'x86-32' ? 'ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM' : 'ZONE_DMA, ZONE_DMA32, ZONE_NORMAL'}, ZONE_MOVABLE, __MAX_NR_ZONES };
    enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };
    struct page { unsigned long flags; union {
        struct { union { struct list_head lru; struct list_head buddy_list; struct list_head pcp_list; }; void *mapping;
          union { unsigned long index; unsigned long share; }; unsigned long private; };
        struct { unsigned long compound_head; };
        struct callback_head callback_head; };
      union { unsigned int page_type; atomic_t _mapcount; }; atomic_t _refcount; ${memcg} };
    struct folio { union { struct { unsigned long flags; struct list_head lru; void *mapping; unsigned long index; void *private;
        atomic_t _mapcount; atomic_t _refcount; ${memcg} }; struct page page; };
      union { struct { unsigned long _flags_1; unsigned long _head_1; atomic_t _large_mapcount; atomic_t _entire_mapcount;
        atomic_t _nr_pages_mapped; atomic_t _pincount; }; struct page __page_1; }; };
    struct kmem_cache_node { spinlock_t list_lock; unsigned long nr_partial; struct list_head partial; };
    struct kmem_cache { unsigned int flags; unsigned int size; unsigned int object_size; unsigned int offset; unsigned int order;
      unsigned int objects; const_name *name; struct list_head list; struct kmem_cache_node *node[1]; };
    struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache; struct list_head slab_list; void *freelist;
      union { unsigned long counters; struct { unsigned int inuse:16; unsigned int objects:15; unsigned int frozen:1; }; };
      unsigned int __page_type; atomic_t __page_refcount; };
    struct ptdesc { unsigned long __page_flags; union { struct callback_head pt_rcu_head; struct list_head pt_list; };
      unsigned long __page_mapping; union { unsigned long pt_index; struct mm_struct *pt_mm; }; spinlock_t *ptl;
      unsigned int __page_type; atomic_t __page_refcount; };
    struct free_area { struct list_head free_list[5]; unsigned long nr_free; };
    struct zone { unsigned long zone_start_pfn; unsigned long spanned_pages; unsigned long present_pages; const_name *name;
      struct free_area free_area[11]; spinlock_t lock; atomic_long_t vm_stat[1]; };
    struct pglist_data { struct zone node_zones[5]; int nr_zones; ${architecture === 'x86-32' ? 'struct page *node_mem_map;' : ''} unsigned long node_start_pfn; unsigned long node_present_pages;
      unsigned long node_spanned_pages; int node_id; };
    struct mem_section { unsigned long section_mem_map; void *usage; };
    struct resource { u64 start; u64 end; const_name *name; unsigned long flags; unsigned long desc;
      struct resource *parent, *sibling, *child; };`.replaceAll('const_name', 'char');
}

function vmalloc({ vmapRamFlags, usedMap, blockPages, pointerSize }: TypeOptions): string {
  return `
    struct vm_struct { struct vm_struct *next; void *addr; unsigned long size; unsigned long flags; struct page **pages;
      ${pointerSize === 8 ? 'unsigned int page_order;' : ''} unsigned int nr_pages; phys_addr_t phys_addr; void *caller; };
    struct vmap_area { unsigned long va_start; unsigned long va_end; struct rb_node rb_node; struct list_head list;
      union { unsigned long subtree_max_size; struct vm_struct *vm; }; ${vmapRamFlags ? 'unsigned long flags;' : ''} };
    struct vmap_block { spinlock_t lock; struct vmap_area *va; unsigned long free, dirty;
      ${usedMap ? `unsigned long used_map[${blockPages / pointerSize / 8}];` : ''} unsigned long dirty_min, dirty_max;
      struct list_head free_list; struct callback_head callback_head; struct list_head purge; unsigned int cpu; };
    struct vmap_block_queue { spinlock_t lock; struct list_head free; struct xarray vmap_blocks; };
    struct rb_list { struct rb_root root; struct list_head head; spinlock_t lock; };
    struct vmap_pool { struct list_head head; unsigned long len; };
    struct vmap_node { struct vmap_pool pool[256]; spinlock_t pool_lock; bool skip_populate; struct rb_list busy; struct rb_list lazy;
      struct list_head purge_list; struct work_struct purge_work; unsigned long nr_purged; };`;
}

function addressSpace({ pointerSize, architecture, scanMembers }: TypeOptions): string {
  const [slots, wide] = pointerSize === 8 ? [16, 10] : [32, 21];
  const context =
    architecture === 'arm64' ? 'u64 id; unsigned long flags; void *vdso;' : 'u64 ctx_id; unsigned long flags; void *ldt; void *vdso;';
  return `
    struct maple_metadata { unsigned char end; unsigned char gap; };
    struct maple_range_64 { void *parent; unsigned long pivot[${slots - 1}];
      union { void *slot[${slots}]; struct { void *pad[${slots - 1}]; struct maple_metadata meta; }; }; };
    struct maple_arange_64 { void *parent; unsigned long pivot[${wide - 1}]; void *slot[${wide}]; unsigned long gap[${wide}];
      struct maple_metadata meta; };
    struct maple_node { union { struct { void *parent; void *slot[${slots * 2 - 1}]; }; struct maple_range_64 mr64; struct maple_arange_64 ma64; }; };
    enum maple_type { maple_dense, maple_leaf_64, maple_range_64, maple_arange_64 };
    struct maple_tree { spinlock_t ma_lock; unsigned int ma_flags; void *ma_root; };
    typedef struct { ${context} } mm_context_t;
    typedef struct { ${pointerSize === 8 ? 'unsigned long' : 'u64'} pgd; } pgd_t;
    typedef struct { unsigned long long pgprot; } pgprot_t;
    struct qstr { u32 hash; u32 len; char *name; };
    struct file_system_type { char *name; };
    struct super_block { struct list_head s_list; u32 s_dev; unsigned long s_magic; struct file_system_type *s_type; void *s_fs_info; char s_id[32]; };
    struct hstate { unsigned int order; };
    struct hugetlbfs_sb_info { struct hstate *hstate; };
    struct hlist_head { struct hlist_node *first; };
    struct address_space { struct inode *host; struct xarray i_pages; unsigned long nrpages; unsigned long flags; };
    struct inode { u16 i_mode; struct super_block *i_sb; struct address_space *i_mapping; unsigned long i_ino; long long i_size;
      struct hlist_head i_dentry; struct address_space i_data; };
    struct dentry_operations { void *d_dname; };
    struct dentry { unsigned int d_flags; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; struct dentry_operations *d_op; void *d_fsdata;
      struct hlist_node d_hash; union { struct hlist_node d_alias; } d_u; };
    struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };
    struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; };
    struct path { struct vfsmount *mnt; struct dentry *dentry; };
    struct file { atomic_long_t f_count; unsigned int f_mode; struct inode *f_inode; struct path f_path; };
    struct fs_struct { int users; struct path root, pwd; };
    struct vm_operations_struct { void *open; void *close; void *fault; void *name; };
    struct page_region { u64 start, end, categories; };
    struct pm_scan_arg { u64 size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask,
      category_anyof_mask, return_mask; };
    struct pagemap_scan_private { struct pm_scan_arg arg; unsigned long masks_of_interest, cur_vma_category; struct page_region *vec_buf;
      unsigned long vec_buf_len, vec_buf_index, found_pages; struct page_region *vec_out;
      ${scanMembers.includes('walk_end_addr') ? 'unsigned long walk_end_addr;' : ''} ${scanMembers.includes('cur_buf') ? 'struct page_region cur_buf;' : ''} };
    struct vm_special_mapping { char *name; struct page **pages; };
    struct userfaultfd_ctx { atomic_t refcount; unsigned int features; struct mm_struct *mm; };
    struct vm_userfaultfd_ctx { struct userfaultfd_ctx *ctx; };
    struct vm_area_struct { unsigned long vm_start; unsigned long vm_end; struct mm_struct *vm_mm; pgprot_t vm_page_prot;
      unsigned long vm_flags; void *anon_vma; struct vm_operations_struct *vm_ops; unsigned long vm_pgoff; struct file *vm_file;
      void *vm_private_data; struct vm_userfaultfd_ctx vm_userfaultfd_ctx; };
    struct mm_struct { atomic_t mm_count; struct maple_tree mm_mt; unsigned long mmap_base; unsigned long task_size; pgd_t *pgd;
      atomic_t mm_users; atomic_long_t pgtables_bytes; int map_count; struct list_head mmlist; unsigned long total_vm;
      unsigned long start_code, end_code, start_data, end_data; unsigned long start_brk, brk, start_stack;
      unsigned long arg_start, arg_end, env_start, env_end; struct percpu_counter rss_stat[4]; mm_context_t context; };`;
}

function tasks(): string {
  return `
    struct thread_info { unsigned long flags; u32 cpu; };
    struct signal_struct { int nr_threads; struct list_head thread_head; };
    struct task_struct { struct thread_info thread_info; unsigned int __state; void *stack; unsigned int flags; int on_cpu;
      struct list_head tasks; struct mm_struct *mm; struct mm_struct *active_mm; int exit_state; pid_t pid; pid_t tgid;
      struct task_struct *real_parent; struct task_struct *parent; struct list_head children; struct list_head sibling;
      struct task_struct *group_leader; struct list_head thread_node; char comm[16]; struct fs_struct *fs; struct signal_struct *signal; };
    struct addr_marker { unsigned long start_address; char *name; unsigned long max_lines; };
    struct rq { unsigned int nr_running; struct task_struct *curr, *idle; };
    struct module { int state; struct list_head list; char name[56]; };`;
}

/** What x86 alone has. */
function x86Types({ architecture: of, fixmapSlots }: TypeOptions): string {
  if (of === 'arm64') return '';
  return `
    struct cpuinfo_x86 { u8 x86; u8 x86_vendor; u8 x86_model; u8 x86_stepping; u8 x86_virt_bits; u8 x86_phys_bits;
      u32 x86_capability[24]; };
    struct tlb_state { struct mm_struct *loaded_mm; };
    struct ldt_struct { void *entries; unsigned int nr_entries; int slot; };
    struct efi_memory_map { phys_addr_t phys_map; void *map; void *map_end; int nr_map; unsigned long desc_version; unsigned long desc_size;
      unsigned long flags; };
    struct efi { void *runtime; unsigned int runtime_version; struct efi_memory_map memmap; };
    enum fixed_addresses { ${of === 'x86-32' ? 'FIX_HOLE, ' : ''}FIX_DBGP_BASE, FIX_EARLYCON_MEM_BASE, FIX_APIC_BASE, FIX_IO_APIC_BASE_0,
      FIX_IO_APIC_BASE_END = 67, FIX_KMAP_BEGIN, FIX_KMAP_END = ${fixmapSlots - 1}, __end_of_permanent_fixed_addresses,
      __end_of_fixed_addresses = ${fixmapSlots + 512} };`;
}
