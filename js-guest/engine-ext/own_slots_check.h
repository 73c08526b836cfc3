/* The checks of own_slots.h. Included by quickjs.c, whose objects and shapes it reads; must not change them. */

static bool slot_is_absent(JSContext *ctx, JSOwnSlot *slot, JSShape *sh)
{
    if (slot->kind == JS_SLOT_IS || slot->kind == JS_SLOT_GET)
        return false;
    /* Only a hashed shape is copied before it changes when somebody else refers to it. */
    if (sh->is_hashed) {
        js_free_shape_null(ctx->rt, slot->without);
        slot->without = js_dup_shape(sh);
    }
    return true;
}

static inline bool slot_holds(JSContext *ctx, JSObject *p, JSOwnSlot *slot)
{
    JSShape *sh = p->shape;
    JSShapeProperty *prs = get_shape_prop(sh) + slot->index;

    if (slot->without == sh)
        return true;
    if (slot->index >= (uint32_t)sh->prop_count || prs->atom != slot->atom) {
        JSProperty *pr;
        prs = find_own_property(&pr, p, slot->atom);
        if (!prs)
            return slot_is_absent(ctx, slot, sh);
        slot->index = (uint32_t)(prs - get_shape_prop(sh));
    }
    if (slot->kind == JS_SLOT_NOT || (prs->flags & (JS_PROP_TMASK | JS_PROP_WRITABLE)) != JS_PROP_WRITABLE)
        return false;
    slot->at = &p->prop[slot->index].u.value;
    return slot->kind == JS_SLOT_GET || !memcmp(slot->at, &slot->wanted, sizeof(JSValue));
}

bool JS_CheckOwnSlots(JSContext *ctx, JSValueConst obj, JSOwnSlot *slots, int count)
{
    if (JS_VALUE_GET_TAG(obj) != JS_TAG_OBJECT || JS_VALUE_GET_OBJ(obj)->is_exotic)
        return false;
    for (int i = 0; i < count; i++) {
        if (!slot_holds(ctx, JS_VALUE_GET_OBJ(obj), &slots[i]))
            return false;
    }
    return true;
}

bool JS_IsChildOf(JSValueConst obj, JSValueConst proto)
{
    return JS_VALUE_GET_TAG(obj) == JS_TAG_OBJECT && JS_VALUE_GET_TAG(proto) == JS_TAG_OBJECT &&
        JS_VALUE_GET_OBJ(obj)->shape->proto == JS_VALUE_GET_OBJ(proto);
}
