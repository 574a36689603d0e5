use std::fs;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use domain::search::SearchText;
use domain::tenant::TenantId;
use ports::search::{IndexBatch, IndexRange, IndexState, SearchError, SearchIndex, SearchSort};
use uuid::Uuid;
use walk::files;

use super::model::{Model, Numbers, TENANT, channel, compare, id, message, position, request};
use crate::TantivyIndex;

/// Lists files.
pub(super) mod walk {
    use super::{Path, PathBuf, fs};

    /// Returns all files below `folder`.
    pub(in crate::tests) fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
        }
        found.sort();
        found
    }
}

/// Makes an index of two segments, one of them with a deleted document.
async fn example(root: &Path) -> Model {
    let index = TantivyIndex::new(root.to_owned());
    let (mut numbers, mut model) = (Numbers(77), Model::default());
    index.rebuild(TENANT).await.unwrap().finish(position(1)).await.unwrap();
    for part in 0..2_u64 {
        let put: Vec<_> = (0..40).map(|at| message(&mut numbers, id(part * 100 + at), 1 + at % 4)).collect();
        let batch = IndexBatch { put, ..IndexBatch::default() };
        model.apply(&batch);
        index.apply(TENANT, batch, position(2 + part)).await.unwrap();
    }
    let one = domain::coverage::Interval::only(id(4));
    let batch = IndexBatch { delete: vec![IndexRange::Interval(channel(1).id, one)], ..IndexBatch::default() };
    model.apply(&batch);
    index.apply(TENANT, batch, position(4)).await.unwrap();
    model
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            assert!(fs::copy(entry.path(), target).is_ok());
        }
    }
}

#[tokio::test]
async fn a_flipped_byte_is_found_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original");
    let model = example(&original).await;
    let mut damaged = 0;
    for (number, file) in files(&original).into_iter().enumerate() {
        let name = file.strip_prefix(&original).unwrap();
        let length = fs::metadata(&file).unwrap().len();
        for part in 0..6 {
            if length == 0 {
                continue;
            }
            let root = folder.path().join(format!("copy-{number}-{part}"));
            copy(&original, &root);
            let mut bytes = fs::read(root.join(name)).unwrap();
            let at = usize::try_from(length * part / 6 + part % 2).unwrap().min(bytes.len() - 1);
            bytes[at] ^= 1 << (part % 7);
            fs::write(root.join(name), bytes).unwrap();
            let index = TantivyIndex::new(root.clone());
            match index.state(TENANT).await.unwrap() {
                IndexState::Damaged => {
                    damaged += 1;
                    let find = request("quick".parse().unwrap(), SearchSort::Newest, 10);
                    let error = index.find(TENANT, find).await.unwrap_err();
                    assert!(matches!(error, SearchError::Damaged(_)), "{error:?}");
                }
                IndexState::Missing => damaged += 1,
                IndexState::Ready(found) => {
                    assert_eq!(found, position(4), "{} at {at}", name.display());
                    for text in ["quick", "-quick", "in:channel-2", "京", "has:link"] {
                        compare(&index, &model, request(text.parse().unwrap(), SearchSort::Newest, 7)).await;
                    }
                }
                state @ IndexState::Outdated => panic!("{state:?} after {} at {at}", name.display()),
            }
            drop(index);
            fs::remove_dir_all(root).unwrap();
        }
    }
    assert!(damaged > 25, "{damaged}");
}

#[tokio::test]
async fn a_broken_name_in_the_list_of_segments_is_found() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path()).await;
    let list = files(folder.path()).into_iter().find(|file| file.ends_with("meta.json")).unwrap();
    let text = fs::read_to_string(&list).unwrap();
    assert!(text.contains("\"deletes\": {"), "{text}");
    // The library would show the deleted documents of the segment.
    fs::write(&list, text.replacen("\"deletes\": {", "\"dedetes\": {", 1)).unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Damaged);
}

#[tokio::test]
async fn a_missing_or_cut_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original");
    example(&original).await;
    let is_part = |file: &PathBuf| !file.ends_with(".managed.json") && !file.to_string_lossy().ends_with("lock");
    for (number, file) in files(&original).into_iter().filter(is_part).enumerate() {
        let name = file.strip_prefix(&original).unwrap();
        for cut in [false, true] {
            let root = folder.path().join(format!("copy-{number}-{cut}"));
            copy(&original, &root);
            if cut {
                let bytes = fs::read(root.join(name)).unwrap();
                fs::write(root.join(name), &bytes[..bytes.len() / 2]).unwrap();
            } else {
                fs::remove_file(root.join(name)).unwrap();
            }
            let index = TantivyIndex::new(root);
            assert!(index.acquire().await.unwrap());
            let state = index.state(TENANT).await.unwrap();
            assert!(matches!(state, IndexState::Damaged), "{state:?} without {}", name.display());
        }
    }
}

#[tokio::test]
async fn bytes_that_flip_while_it_runs_are_found_by_the_next_check() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path()).await;
    let index = TantivyIndex::new(folder.path().to_owned());
    assert!(matches!(index.state(TENANT).await.unwrap(), IndexState::Ready(_)));
    assert!(index.verify(TENANT).await.unwrap());
    let file = files(folder.path()).into_iter().find(|file| file.extension().is_some_and(|ending| ending == "pos"));
    let file = file.unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[3] ^= 8;
    // In place: the file is mapped.
    let mut open = fs::OpenOptions::new().write(true).open(&file).unwrap();
    open.rewind().unwrap();
    open.write_all(&bytes).unwrap();
    assert!(!index.verify(TENANT).await.unwrap());
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Damaged);
    index.rebuild(TENANT).await.unwrap().finish(position(9)).await.unwrap();
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(9)));
}

#[tokio::test]
async fn a_directory_that_is_removed_while_it_is_used_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("index");
    example(&root).await;
    let index = TantivyIndex::new(root.clone());
    let mut numbers = Numbers(4);
    let batch = |numbers: &mut Numbers, at| IndexBatch { put: vec![message(numbers, id(at), 1)], delete: Vec::new() };
    index.apply(TENANT, batch(&mut numbers, 1), position(5)).await.unwrap();
    fs::remove_dir_all(&root).unwrap();
    let error = index.apply(TENANT, batch(&mut numbers, 2), position(6)).await.unwrap_err();
    assert!(matches!(error, SearchError::Missing), "{error:?}");
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Missing);
    let mut build = index.rebuild(TENANT).await.unwrap();
    build.add(batch(&mut numbers, 3).put).await.unwrap();
    build.finish(position(7)).await.unwrap();
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(7)));
    index.apply(TENANT, batch(&mut numbers, 4), position(8)).await.unwrap();
    let all = request("-has:nothing".replace("has:nothing", "zzzz").parse().unwrap(), SearchSort::Newest, 10);
    assert_eq!(index.find(TENANT, all).await.unwrap().total, 2);
    // Between two calls, without a batch.
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Damaged);
}

#[tokio::test]
async fn a_build_replaces_the_index_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let model = example(folder.path()).await;
    let index = TantivyIndex::new(folder.path().to_owned());
    let old = || request("-zzzz".parse().unwrap(), SearchSort::Newest, 20);
    let mut build = index.rebuild(TENANT).await.unwrap();
    let mut numbers = Numbers(8);
    build.add(vec![message(&mut numbers, id(1), 1)]).await.unwrap();
    compare(&index, &model, old()).await;
    drop(build);
    compare(&index, &model, old()).await;
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(4)));
    let mut build = index.rebuild(TENANT).await.unwrap();
    build.add(vec![message(&mut numbers, id(1), 1)]).await.unwrap();
    build.finish(position(20)).await.unwrap();
    assert_eq!(index.find(TENANT, old()).await.unwrap().total, 1);
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(20)));
    let generations = fs::read_dir(folder.path().join(TENANT.0.to_string())).unwrap().count();
    assert_eq!(generations, 1);
    // A process that was killed left a build.
    let unfinished = index.rebuild(TENANT).await.unwrap();
    std::mem::forget(unfinished);
    let copied = folder.path().join("copied");
    copy(&folder.path().join(TENANT.0.to_string()), &copied.join(TENANT.0.to_string()));
    let index = TantivyIndex::new(copied.clone());
    assert!(index.acquire().await.unwrap());
    assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(20)));
    assert_eq!(fs::read_dir(copied.join(TENANT.0.to_string())).unwrap().count(), 1);
}

#[tokio::test]
async fn a_directory_has_one_writer_and_the_others_follow_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = example(folder.path()).await;
    let first = TantivyIndex::new(folder.path().to_owned());
    let second = TantivyIndex::new(folder.path().to_owned());
    assert!(first.acquire().await.unwrap() && first.acquire().await.unwrap());
    assert!(!second.acquire().await.unwrap());
    let find = || request("-zzzz".parse().unwrap(), SearchSort::Newest, 20);
    compare(&second, &model, find()).await;
    let mut numbers = Numbers(12);
    let error = second.apply(TENANT, IndexBatch::default(), position(5)).await.unwrap_err();
    assert!(matches!(error, SearchError::Locked), "{error:?}");
    assert!(matches!(second.rebuild(TENANT).await.err().unwrap(), SearchError::Locked));
    assert!(matches!(second.remove(TENANT).await.unwrap_err(), SearchError::Locked));
    // Each commit of the writer.
    for step in 5..9 {
        let put = vec![message(&mut numbers, id(500 + step), 2)];
        let batch = IndexBatch { put, delete: vec![IndexRange::Channel(channel(step - 4).id)] };
        model.apply(&batch);
        first.apply(TENANT, batch, position(step)).await.unwrap();
        assert_eq!(second.state(TENANT).await.unwrap(), IndexState::Ready(position(step)));
        compare(&second, &model, find()).await;
    }
    first.purge(TENANT).await.unwrap();
    compare(&second, &model, find()).await;
    // A new generation, while it is built and afterwards.
    let mut build = first.rebuild(TENANT).await.unwrap();
    let one = message(&mut numbers, id(1), 1);
    build.add(vec![one]).await.unwrap();
    compare(&second, &model, find()).await;
    build.finish(position(20)).await.unwrap();
    assert_eq!(second.state(TENANT).await.unwrap(), IndexState::Ready(position(20)));
    assert_eq!(second.find(TENANT, find()).await.unwrap().total, 1);
    // The writer ends.
    drop(first);
    assert!(second.acquire().await.unwrap());
    let put = vec![message(&mut numbers, id(2), 1)];
    second.apply(TENANT, IndexBatch { put, ..IndexBatch::default() }, position(21)).await.unwrap();
    assert_eq!(second.find(TENANT, find()).await.unwrap().total, 2);
    // An index is removed.
    let third = TantivyIndex::new(folder.path().to_owned());
    assert_eq!(third.find(TENANT, find()).await.unwrap().total, 2);
    second.remove(TENANT).await.unwrap();
    assert_eq!(third.state(TENANT).await.unwrap(), IndexState::Missing);
    // The directory is removed, and another process is first to take it.
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(third.acquire().await.unwrap() && !second.acquire().await.unwrap());
}

#[tokio::test]
async fn an_index_of_another_version_answers_until_it_is_rebuilt() {
    for (schema, tokenizer) in [(crate::schema::SCHEMA + 1, None), (crate::schema::SCHEMA, Some("0/15.0.0/15.0.0"))] {
        let folder = tempfile::tempdir().unwrap();
        let model = example(folder.path()).await;
        let path = folder.path().join(TENANT.0.to_string()).join("generation-1");
        let mut writer: tantivy::IndexWriter = tantivy::Index::open_in_dir(path).unwrap().writer(15_000_000).unwrap();
        let mut commit = writer.prepare_commit().unwrap();
        let tokenizer = tokenizer.map_or_else(domain::search::tokenizer_version, str::to_owned);
        commit.set_payload(&crate::payload::Payload::of(schema, tokenizer, &position(4)).to_text());
        commit.commit().unwrap();
        drop(writer);
        let index = TantivyIndex::new(folder.path().to_owned());
        assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Outdated);
        let find = || request("quick".parse().unwrap(), SearchSort::Newest, 5);
        compare(&index, &model, find()).await;
        assert!(!index.find(TENANT, find()).await.unwrap().exact, "the words may be others");
        let error = index.apply(TENANT, IndexBatch::default(), position(5)).await.unwrap_err();
        assert!(matches!(error, SearchError::Missing), "{error:?}");
        let mut build = index.rebuild(TENANT).await.unwrap();
        build.add(model.0.values().cloned().collect()).await.unwrap();
        compare(&index, &model, find()).await;
        assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Outdated);
        build.finish(position(9)).await.unwrap();
        assert_eq!(index.state(TENANT).await.unwrap(), IndexState::Ready(position(9)));
        compare(&index, &model, find()).await;
        assert!(index.find(TENANT, find()).await.unwrap().exact);
        assert_eq!(fs::read_dir(folder.path().join(TENANT.0.to_string())).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn archives_have_different_folders() {
    let root = Path::new("/index");
    let one = crate::folder_of(root, "server a:4000/verta");
    assert_eq!(one, crate::folder_of(root, "server a:4000/verta"));
    assert_ne!(one, crate::folder_of(root, "server b:4000/verta"));
    assert_eq!(one.parent(), Some(root));
}

#[tokio::test]
async fn tenants_are_apart() {
    let folder = tempfile::tempdir().unwrap();
    let model = example(folder.path()).await;
    let index = TantivyIndex::new(folder.path().to_owned());
    let other = TenantId(Uuid::from_u128(2));
    assert_eq!(index.state(other).await.unwrap(), IndexState::Missing);
    let error = index.find(other, request("quick".parse().unwrap(), SearchSort::Newest, 1)).await.unwrap_err();
    assert!(matches!(error, SearchError::Missing), "{error:?}");
    let mut build = index.rebuild(other).await.unwrap();
    let mut one = message(&mut Numbers(3), id(9), 1);
    one.document.texts = vec![SearchText::plain("quick")];
    build.add(vec![one]).await.unwrap();
    build.finish(position(3)).await.unwrap();
    let mut tenants = index.tenants().await.unwrap();
    tenants.sort_unstable();
    assert_eq!(tenants, [TENANT, other]);
    index.remove(other).await.unwrap();
    index.remove(other).await.unwrap();
    assert_eq!(index.state(other).await.unwrap(), IndexState::Missing);
    assert_eq!(index.tenants().await.unwrap(), [TENANT]);
    compare(&index, &model, request("quick".parse().unwrap(), SearchSort::Newest, 3)).await;
}
