use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use domain::coverage::Interval;
use domain::search::SearchText;
use ports::search::{IndexBatch, IndexRange, SearchIndex, SearchSort};
use tantivy::Index;

use super::damage::walk::files;
use super::model::{Numbers, TENANT, channel, id, message, position, request};
use crate::TantivyIndex;

/// A word that the library's dictionaries store as it is if it is alone in its segment, and one with others.
const SECRETS: [&str; 2] = ["geheimniskraemerei", "vertraulichkeiten"];

/// Reads the files of a folder, again if a merge removes one of them meanwhile.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    loop {
        let read = files(folder).into_iter().map(|file| std::fs::read(&file).map(|bytes| (file, bytes)));
        match read.collect::<std::io::Result<_>>() {
            Ok(contents) => return contents,
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
        }
    }
}

/// Returns whether a word is in a file, or in the dictionary of a segment that is not merged away.
fn has(folder: &Path, word: &str) -> bool {
    let generation = files(folder).into_iter().find(|file| file.ends_with("meta.json")).unwrap();
    let index = Index::open_in_dir(generation.parent().unwrap()).unwrap();
    let listed: Vec<_> = index.load_metas().unwrap().list_segment_files().into_iter().collect();
    let mut found = false;
    for (file, bytes) in contents(folder) {
        found |= bytes.windows(word.len()).any(|part| part == word.as_bytes());
        // No file of a former segment is left.
        let name = Path::new(file.file_name().unwrap());
        let is_old = name.extension().is_some_and(|ending| ending != "json" && ending != "lock")
            && !listed.contains(&name.to_owned());
        found |= is_old;
    }
    let body = index.schema().get_field("body").unwrap();
    for reader in index.reader().unwrap().searcher().segment_readers() {
        let words = reader.inverted_index(body).unwrap();
        let mut stream = words.terms().stream().unwrap();
        while stream.advance() {
            found |= stream.key() == word.as_bytes();
        }
    }
    found
}

#[tokio::test]
async fn nothing_of_a_deleted_message_is_left_after_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    index.rebuild(TENANT).await.unwrap().finish(position(1)).await.unwrap();
    let mut numbers = Numbers(99);
    let mut step = 1;
    for secret in SECRETS {
        for part in 0..3_u64 {
            let mut put: Vec<_> = (0..50).map(|at| message(&mut numbers, id(part * 50 + at), 1 + at % 4)).collect();
            put[7].document.texts.push(SearchText::plain(secret));
            step += 1;
            index.apply(TENANT, IndexBatch { put, ..IndexBatch::default() }, position(step)).await.unwrap();
        }
        assert!(has(folder.path(), secret));
        let of = request(secret.parse().unwrap(), SearchSort::Newest, 10);
        let found = index.find(TENANT, of.clone()).await.unwrap().items;
        assert_eq!(found.len(), 3);
        let mut delete: Vec<_> =
            found.iter().map(|one| IndexRange::Interval(one.channel, Interval::only(one.id))).collect();
        delete.push(IndexRange::Channel(channel(2).id));
        step += 1;
        index.apply(TENANT, IndexBatch { delete, ..IndexBatch::default() }, position(step)).await.unwrap();
        assert_eq!(index.find(TENANT, of).await.unwrap().total, 0);
        index.purge(TENANT).await.unwrap();
        assert!(!has(folder.path(), secret), "{secret}");
    }
}

#[tokio::test]
async fn nothing_of_a_removed_tenant_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivyIndex::new(folder.path().to_owned());
    let mut build = index.rebuild(TENANT).await.unwrap();
    build.add(vec![message(&mut Numbers(6), id(1), 1)]).await.unwrap();
    build.finish(position(1)).await.unwrap();
    index.remove(TENANT).await.unwrap();
    let left: Vec<_> = files(folder.path()).into_iter().filter(|file| !file.ends_with("lock")).collect();
    assert!(left.is_empty(), "{left:?}");
}
