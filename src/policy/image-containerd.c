/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of containerd: of `ctr`, nerdctl, CRI, and of a Docker that keeps its images there.
 *
 * containerd holds no lock of the container while its shim runs us, so it can be asked: the
 * container's record names the image, the image's record has the digest of its manifest, and that
 * blob's labels say from which repositories it was fetched. A tag makes no such label. The manifest
 * names the configuration, and so all that the image consists of.
 *
 * The image's name is looked up when the container is made. Who could point it elsewhere since the
 * container's record was written is whoever may use containerd's socket: root. Docker lets its
 * users do that, and has the digest in the container's own file (image-docker.c).
 */
#include "config.h"
#include "policy/images.h"

#include "policy/grpc.h"
#include "policy/store.h"

#include <stdlib.h>
#include <string.h>

#define TASKS	      "/io.containerd.runtime.v2.task/"
#define SOURCES	      "containerd.io/distribution.source."
#define ATTESTATION   "vnd.docker.reference.type"
#define MAX_MANIFESTS 64
#define MAX_IMAGES    1000

static bool is_word(const char *s)
{
	return *s && strlen(s) <= 128 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(s);
}

/* A bundle lies in STATE/io.containerd.runtime.v2.task/NAMESPACE/ID. */
static bool parse_bundle(const struct subject *who, char **state, char **ns)
{
	const char *tasks = who->bundle ? strstr(who->bundle, TASKS) : NULL, *rest, *slash;

	if (!tasks || !who->id)
		return false;
	rest = tasks + strlen(TASKS);
	slash = strchr(rest, '/');
	if (!slash || strcmp(slash + 1, who->id) != 0)
		return false;
	*state = g_strndup(who->bundle, tasks - who->bundle);
	*ns = g_strndup(rest, slash - rest);
	return is_word(*ns);
}

/*
 * containerd tells its shims, who start us, where it listens: since 1.7 so, before by another
 * socket beside that one. Root has to, grpc_open() sees to it.
 */
static char *told_socket(void)
{
	const char *grpc = getenv("GRPC_ADDRESS"), *ttrpc = getenv("TTRPC_ADDRESS");

	if (grpc)
		return g_strdup(grpc);
	return ttrpc && g_str_has_suffix(ttrpc, ".ttrpc")
		       ? g_strndup(ttrpc, strlen(ttrpc) - strlen(".ttrpc"))
		       : NULL;
}

static bool open_socket(struct grpc *g, const char *state, const char *ns)
{
	g_autofree char *usual = g_build_filename(state, "containerd.sock", NULL);
	g_autofree char *told = told_socket();

	if (told && told[0] == '/' && grpc_open(g, told, ns))
		return true;
	grpc_close(g);
	return grpc_open(g, usual, ns);
}

/* Field @number of the message in field 1 of the answer to @method. */
static GString *call(struct grpc *g, const char *method, const char *text, struct pb_field *inner)
{
	GString *answer = grpc_call(g, method, text);

	if (answer && pb_find(answer->str, answer->len, 1, inner))
		return answer;
	if (answer)
		g_string_free(answer, true);
	return NULL;
}

static char *image_of_container(struct grpc *g, const char *id)
{
	struct pb_field container, name;
	g_autoptr(GString) answer = call(g, "/containerd.services.containers.v1.Containers/Get", id,
					 &container);

	if (!answer || !pb_find(container.data, container.len, 3, &name) || name.len == 0)
		return NULL;
	return pb_text(&name);
}

/*
 * The registry of a label has lost its port. Where only root pulls, the image's own name has it.
 * @name: of the image, or NULL
 */
static char *add_port(const char *host, const char *name)
{
	size_t n = strlen(host);

	if (name && strncmp(name, host, n) == 0 && name[n] == ':' && strchr(name, '/'))
		return g_strndup(name, strcspn(name, "/"));
	return g_strdup(host);
}

/* One label of a blob: "…distribution.source.REGISTRY" = "REPOSITORY,REPOSITORY". */
static void take_label(struct image *image, const char *digest, const char *name_with_port,
		       const struct pb_field *label)
{
	g_autofree char *host = NULL, *registry = NULL, *list = NULL;
	g_auto(GStrv) names = NULL;
	struct pb_field key, value;

	if (!pb_find(label->data, label->len, 1, &key) ||
	    !pb_find(label->data, label->len, 2, &value) || key.len <= strlen(SOURCES) ||
	    memcmp(key.data, SOURCES, strlen(SOURCES)) != 0)
		return;
	host = g_strndup(key.data + strlen(SOURCES), key.len - strlen(SOURCES));
	registry = add_port(host, name_with_port);
	list = pb_text(&value);
	names = g_strsplit(list, ",", -1);
	for (char **name = names; *name; name++)
		if (**name)
			g_ptr_array_add(image->digests,
					g_strdup_printf("%s/%s@%s", registry, *name, digest));
}

static void take_sources(struct grpc *g, struct image *image, const char *digest,
			 const char *name_with_port)
{
	struct pb_field info, field;
	g_autoptr(GString)
		answer = call(g, "/containerd.services.content.v1.Content/Info", digest, &info);
	const char *at = answer ? info.data : NULL, *end = answer ? info.data + info.len : NULL;

	while (answer && pb_next(&at, end, &field))
		if (field.number == 5 && field.data)
			take_label(image, digest, name_with_port, &field);
}

static void take_tag(struct image *image, const char *name)
{
	struct imageref ref;

	if (!imageref_parse(name, false, &ref))
		return;
	if (ref.tag)
		g_ptr_array_add(image->tags, g_strdup_printf("%s:%s", ref.name, ref.tag));
	imageref_clear(&ref);
}

/* Manifests, lists of manifests and configurations; layers are no JSON, and mostly too long. */
static json_t *read_blob(struct grpc *g, const char *digest)
{
	g_autoptr(GString) text = NULL;

	if (!imageref_is_digest(digest))
		return NULL;
	text = grpc_read(g, "/containerd.services.content.v1.Content/Read", digest, 2);
	return text ? json_loadb(text->str, text->len, 0, NULL) : NULL;
}

/* @manifest names the configuration, and that the layers as they are unpacked. */
static bool take_manifest(struct grpc *g, struct image *image, json_t *manifest)
{
	const char *digest = store_text(json_object_get(manifest, "config"), "digest");
	json_t *config = read_blob(g, digest), *layer;
	size_t i;

	if (!config)
		return false;
	g_free(image->config);
	image->config = g_strdup(digest);
	g_ptr_array_set_size(image->layers, 0);
	json_array_foreach(json_object_get(json_object_get(config, "rootfs"), "diff_ids"), i, layer)
	{
		if (json_is_string(layer))
			g_ptr_array_add(image->layers, g_strdup(json_string_value(layer)));
	}
	json_decref(config);
	return true;
}

/*
 * The layers of the image that @digest is: of its one manifest, or of the one for this machine in a
 * list, which is the one that was fetched. If more than one was, nobody says which it is.
 */
static void take_layers(struct grpc *g, struct image *image, const char *digest)
{
	json_t *json = read_blob(g, digest), *list = json_object_get(json, "manifests"), *entry;
	int found = json && !list ? take_manifest(g, image, json) : 0;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		json_t *manifest;

		/* What a build says of itself is listed as a manifest for no machine. */
		if (i >= MAX_MANIFESTS ||
		    json_object_get(json_object_get(entry, "annotations"), ATTESTATION))
			continue;
		manifest = read_blob(g, store_text(entry, "digest"));
		found += manifest && take_manifest(g, image, manifest);
		json_decref(manifest);
	}
	json_decref(json);
	if (found == 1)
		return;
	g_clear_pointer(&image->config, g_free);
	g_ptr_array_set_size(image->layers, 0);
}

static char *digest_in(const struct pb_field *image)
{
	struct pb_field target, digest;
	char *text;

	if (!pb_find(image->data, image->len, 3, &target) ||
	    !pb_find(target.data, target.len, 2, &digest))
		return NULL;
	text = pb_text(&digest);
	if (!imageref_is_digest(text))
		g_clear_pointer(&text, g_free);
	return text;
}

static char *digest_of_image(struct grpc *g, const char *name)
{
	struct pb_field image;
	g_autoptr(GString)
		answer = call(g, "/containerd.services.images.v1.Images/Get", name, &image);

	return answer ? digest_in(&image) : NULL;
}

static struct image *ask(struct grpc *g, const char *id)
{
	g_autofree char *name = image_of_container(g, id), *digest = NULL;
	struct image *image;

	if (!name)
		return NULL;
	image = image_new("containerd");
	image->name = g_steal_pointer(&name);
	take_tag(image, image->name);
	digest = digest_of_image(g, image->name);
	if (digest) {
		g_ptr_array_add(image->content, g_strdup(digest));
		take_sources(g, image, digest, image->name);
		take_layers(g, image, digest);
	}
	return image;
}

static bool connect_to(const struct subject *who, struct grpc *g, char **ns)
{
	g_autofree char *state = NULL;

	*g = (struct grpc){ .fd = -1 };
	return parse_bundle(who, &state, ns) && open_socket(g, state, *ns);
}

/**
 * containerd_find() - the image of a container of containerd's; NULL without error: it is none
 */
struct image *containerd_find(const struct subject *who, GError **error)
{
	g_autofree char *ns = NULL;
	struct image *image = NULL;
	struct grpc g;

	(void)error;
	if (connect_to(who, &g, &ns))
		image = ask(&g, who->id);
	grpc_close(&g);
	return image;
}

static bool has_port(const char *name)
{
	size_t n = strcspn(name, "/");

	return name[n] && memchr(name, ':', n);
}

/* What the images are called whose manifest, or list of manifests, is @digest. */
static void take_names(struct grpc *g, struct image *image, const char *digest)
{
	g_autofree char *filter = g_strdup_printf("target.digest==%s", digest);
	g_autoptr(GString)
		answer = grpc_call(g, "/containerd.services.images.v1.Images/List", filter);
	const char *at = answer ? answer->str : NULL, *end = answer ? at + answer->len : NULL;
	struct pb_field found, name;

	while (answer && pb_next(&at, end, &found)) {
		g_autofree char *text = NULL;

		if (found.number != 1 || !found.data || !pb_find(found.data, found.len, 1, &name))
			continue;
		text = pb_text(&name);
		take_tag(image, text);
		if (has_port(text) && !image->why_unknown)
			image->why_unknown = g_strdup("containerd does not keep a registry's port: "
						      "list the image by its digest");
	}
}

/**
 * containerd_add_sources() - names, layers, and where the blobs @image->content came from, for
 * Docker with containerd's store
 *
 * Its users pull what they like: of two registries on one host they could give one the other's
 * name. So none that has a port is known here.
 */
void containerd_add_sources(const struct subject *who, struct image *image)
{
	g_autofree char *ns = NULL;
	struct grpc g;

	if (connect_to(who, &g, &ns)) {
		for (guint i = 0; i < image->content->len; i++) {
			take_names(&g, image, image->content->pdata[i]);
			take_sources(&g, image, image->content->pdata[i], NULL);
		}
		/* The last is the manifest, where there is a list as well. */
		take_layers(&g, image, image->content->pdata[image->content->len - 1]);
	}
	grpc_close(&g);
}

static struct image *load(struct grpc *g, const struct pb_field *record)
{
	g_autofree char *digest = digest_in(record);
	struct pb_field name;
	struct image *image;

	if (!digest || !pb_find(record->data, record->len, 1, &name))
		return NULL;
	image = image_new("containerd");
	image->name = pb_text(&name);
	take_tag(image, image->name);
	g_ptr_array_add(image->content, g_strdup(digest));
	take_sources(g, image, digest, NULL);
	/* What was never pulled is in no list, and nothing that is derived from it either. */
	if (image->digests->len)
		take_layers(g, image, digest);
	return image;
}

/**
 * containerd_images() - all images that the containerd knows which @who is a container of
 */
GPtrArray *containerd_images(const struct subject *who)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)image_free);
	g_autoptr(GString) answer = NULL;
	g_autofree char *ns = NULL;
	const char *at, *end;
	struct pb_field record;
	struct image *image;
	struct grpc g;

	if (connect_to(who, &g, &ns))
		answer = grpc_call(&g, "/containerd.services.images.v1.Images/List", "");
	at = answer ? answer->str : NULL;
	end = answer ? at + answer->len : NULL;
	while (answer && list->len < MAX_IMAGES && pb_next(&at, end, &record))
		if (record.number == 1 && record.data && (image = load(&g, &record)))
			g_ptr_array_add(list, image);
	grpc_close(&g);
	return list;
}
